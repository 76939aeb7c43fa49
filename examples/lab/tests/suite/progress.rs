use lab::progress;

#[test]
fn law_a_bar_counts_its_steps() {
    let bar = progress(3, "epochs");
    assert_eq!(bar.length(), Some(3));
    assert_eq!(bar.prefix(), "epochs");
    bar.inc(2);
    assert_eq!(bar.position(), 2);
    bar.finish_and_clear();
    assert!(bar.is_finished());
}
