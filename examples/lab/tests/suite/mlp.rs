use estimand::Error;
use estimand::ndarray::{Array2, s};
use lab::dense::relu;
use lab::{Mlp, Threads};

use crate::support::{generator, random};

const SIZES: [usize; 4] = [3, 6, 5, 2];

#[test]
fn law_forward_is_layer_after_layer() {
    let mut rng = generator(1);
    let net = Mlp::<f64>::new(&mut rng, &SIZES).unwrap();
    let x = random(&mut rng, 4, 3);
    let threads = Threads::ONE;
    let hidden = relu(net.layers[0].forward(&x, threads).unwrap());
    let hidden = relu(net.layers[1].forward(&hidden, threads).unwrap());
    let output = net.layers[2].forward(&hidden, threads).unwrap();
    // Sums of at most 7 terms below 10, in another order: hidden layers lie otherwise in a network.
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 100.0 * f64::EPSILON;
    assert!(net.forward(&x, threads).unwrap().output.iter().zip(&output).all(near));
    // No rectifier at the end.
    assert!(output.iter().any(|&y| y < 0.0));
}

/// Many rows are cut in two, few are not: every row is what it is alone, whatever threads there are.
#[test]
fn law_halves_change_nothing() {
    let mut rng = generator(3);
    let net = Mlp::<f64>::new(&mut rng, &SIZES).unwrap();
    for n in [127, 128, 131] {
        let (x, c) = (random(&mut rng, n, 3), random(&mut rng, n, 2));
        let run = |threads| {
            let trace = net.forward(x.view(), threads).unwrap();
            let (gradient, d_x) = net.backward_to_input(&trace, &c, threads).unwrap();
            (trace.output, gradient, d_x)
        };
        let (output, gradient, d_x) = run(Threads::ONE);
        assert_eq!(run(Threads::new(2)), (output.clone(), gradient, d_x.clone()));
        for i in 0..n {
            let row = estimand::ndarray::s![i..i + 1, ..];
            let trace = net.forward(x.slice(row), Threads::ONE).unwrap();
            let (_, d_row) = net.backward_to_input(&trace, &c.slice(row), Threads::ONE).unwrap();
            // Sums of at most 7 terms below 10, in another order.
            let near = |a: &f64, b: &f64| (a - b).abs() < 100.0 * f64::EPSILON;
            assert!(trace.output.iter().zip(output.row(i)).all(|(a, b)| near(a, b)), "output of row {i} of {n}");
            assert!(d_row.iter().zip(d_x.row(i)).all(|(a, b)| near(a, b)), "d_x of row {i} of {n}");
        }
    }
}

/// The gradient of `sum(c * net(x))` in every number against central differences. Between kinks the
/// loss is linear in each, so the differences carry only rounding: sums of 8 terms below 4, over 2 h.
#[test]
fn law_gradients_are_differences() {
    let mut rng = generator(2);
    let threads = Threads::new(2);
    let h = 1e-5;
    let tolerance = 20.0 * 4.0 * f64::EPSILON / (2.0 * h);
    for sizes in [&SIZES[..], &SIZES[..3], &SIZES[..2]] {
        let mut net = Mlp::<f64>::new(&mut rng, sizes).unwrap();
        let mut x = random(&mut rng, 4, 3);
        let c = random(&mut rng, 4, sizes[sizes.len() - 1]);
        let loss = |net: &Mlp<f64>, x: &Array2<f64>| (&net.forward(x, threads).unwrap().output * &c).sum();
        let trace = net.forward(&x, threads).unwrap();
        let (gradient, d_x) = net.backward_to_input(&trace, &c, threads).unwrap();
        assert_eq!(net.backward(&trace, &c, threads).unwrap(), gradient);
        assert_eq!(net.input_gradient(&trace, &c, threads).unwrap(), d_x);

        let gradient: Vec<(String, Vec<f64>)> =
            gradient.parameters().into_iter().map(|(name, g)| (name, g.into_owned())).collect();
        assert_eq!(gradient.len(), 2 * (sizes.len() - 1));
        for (p, (name, g)) in gradient.iter().enumerate() {
            assert!(g.iter().any(|&g| g != 0.0), "{name} does nothing");
            for (i, d) in g.iter().enumerate() {
                let mut at = |shift: f64| {
                    net.parameters_mut()[p].1[i] += shift;
                    loss(&net, &x)
                };
                let (up, down) = (at(h), at(-2.0 * h));
                at(h);
                let difference = (up - down) / (2.0 * h);
                assert!((d - difference).abs() < tolerance, "{name} {i}: {d} {difference}");
            }
        }
        for ((i, j), d) in d_x.indexed_iter() {
            let mut at = |shift: f64| {
                x[[i, j]] += shift;
                loss(&net, &x)
            };
            let (up, down) = (at(h), at(-2.0 * h));
            at(h);
            let difference = (up - down) / (2.0 * h);
            assert!((d - difference).abs() < tolerance, "x {i} {j}: {d} {difference}");
        }
    }
}

#[test]
fn law_parameters_are_named_in_order() {
    let mut net = Mlp::<f32>::new(&mut generator(3), &[2, 3, 1]).unwrap();
    let expected = [("0.weight", 6), ("0.bias", 3), ("1.weight", 3), ("1.bias", 1)];
    let seen: Vec<_> = net.parameters().iter().map(|(n, p)| (n.clone(), p.len())).collect();
    assert_eq!(seen, expected.map(|(n, l)| (n.to_owned(), l)));
    let seen: Vec<_> = net.parameters_mut().iter().map(|(n, p)| (n.clone(), p.len())).collect();
    assert_eq!(seen, expected.map(|(n, l)| (n.to_owned(), l)));
}

/// The same numbers by rows, by columns, and backwards.
fn lie_as(net: &mut Mlp<f64>, layout: usize) {
    for layer in &mut net.layers {
        let weight = layer.weight.as_standard_layout().into_owned();
        let turned = |w: Array2<f64>| w.t().as_standard_layout().into_owned().reversed_axes();
        layer.weight = match layout {
            0 => weight,
            1 => turned(weight),
            _ => {
                let mut backwards = weight.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned();
                backwards.slice_collapse(s![..;-1, ..;-1]);
                layer.bias = layer.bias.slice(s![..;-1]).iter().copied().collect();
                layer.bias.slice_collapse(s![..;-1]);
                backwards
            }
        };
    }
}

/// An optimiser pairs numbers by their place: however a weight lies, its gradient lies so too.
#[test]
fn law_a_gradient_lies_as_its_parameter_does() {
    let mut rng = generator(4);
    let mut net = Mlp::<f64>::new(&mut rng, &[3, 2, 4]).unwrap();
    for layer in &mut net.layers {
        layer.bias.iter_mut().enumerate().for_each(|(i, b)| *b = 0.1 * (i as f64 + 1.0));
    }
    let (x, d) = (random(&mut rng, 5, 3), random(&mut rng, 5, 4));
    for layout in 0..3 {
        lie_as(&mut net, layout);
        let trace = net.forward(&x, Threads::ONE).unwrap();
        let gradient = net.backward(&trace, &d, Threads::ONE).unwrap();
        let mut expected = Vec::new();
        for (layer, of) in net.layers.iter().zip(&gradient.layers) {
            expected.extend(layer.weight.iter().zip(&of.weight).map(|(w, g)| (w.to_bits(), g.to_bits())));
            expected.extend(layer.bias.iter().zip(&of.bias).map(|(b, g)| (b.to_bits(), g.to_bits())));
        }
        let (gradients, parameters) = (gradient.parameters(), net.parameters_mut());
        let lists = parameters.iter().zip(&gradients);
        let numbers = lists.flat_map(|((_, p), (_, g))| p.iter().zip(g.iter()));
        let mut seen: Vec<_> = numbers.map(|(p, g)| (p.to_bits(), g.to_bits())).collect();
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, expected, "layout {layout}");
    }
}

#[test]
fn hard_a_weight_with_gaps_is_listed_by_rows() {
    let mut net = Mlp::<f64>::new(&mut generator(4), &[3, 2, 4]).unwrap();
    net.layers[0].weight.slice_collapse(s![..;2, ..]);
    let rows: Vec<f64> = net.layers[0].weight.iter().copied().collect();
    assert_eq!(net.parameters()[0].1, rows);
    assert_eq!(net.parameters_mut()[0].1, rows);
}

#[test]
fn hard_networks_that_are_none() {
    let mut rng = generator(5);
    let count = |name, axis, got, expected: &str| Error::Count { name, axis, got, expected: expected.to_owned() };
    let wrong = Mlp::<f64>::new(&mut rng, &[3]).unwrap_err();
    assert_eq!(wrong, count("sizes", "entries", 1, "at least 2"));
    let empty = Mlp::<f64> { layers: Vec::new() };
    let x = Array2::zeros((1, 3));
    let wrong = empty.forward(&x, Threads::ONE).unwrap_err();
    assert_eq!(wrong, count("layers", "entries", 0, "at least 1"));

    let (deep, flat) = (Mlp::<f64>::new(&mut rng, &[3, 2, 2]).unwrap(), Mlp::<f64>::new(&mut rng, &[3, 2]).unwrap());
    let trace = deep.forward(&x, Threads::ONE).unwrap();
    let d = Array2::zeros((1, 2));
    let wrong = flat.backward(&trace, &d, Threads::ONE).unwrap_err();
    assert_eq!(wrong, count("trace", "layers", 2, "1, as many as the network"));
    let wrong = deep.backward(&trace, &Array2::zeros((2, 2)), Threads::ONE).unwrap_err();
    let (name, got, expected) = ("d_output", vec![2, 2], vec![1, 2]);
    assert_eq!(wrong, Error::Shape { name, got, expected });
}
