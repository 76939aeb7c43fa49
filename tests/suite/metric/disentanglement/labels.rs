use estimand::metric::disentanglement::{Votes, entropies, mutual_information};
use estimand::ndarray::{Array2, array};

/// Names as large as they come take no memory, and are told apart.
#[test]
fn hard_names_of_classes_are_any_numbers() {
    let far = array![[usize::MAX], [0], [usize::MAX], [1 << 40]];
    let near = array![[2], [0], [2], [1]];
    let [a, b] = [&far, &near].map(|labels| mutual_information::<f64>(labels, labels).unwrap());
    assert_eq!(a, b);
    assert_eq!(entropies::<f32>(&far).unwrap(), entropies::<f32>(&near).unwrap());
    let votes = Votes::of(&Array2::<f64>::eye(4), &array![usize::MAX, 7], &array![1.0, 1.0, 1.0, 1.0], 0.0).unwrap();
    assert_eq!(votes.classes, [7, usize::MAX]);
}
