use std::fs;

use estimand::ndarray::array;
use lab::run::{Status, respond};
use lab::{Args, Chart, Failure, Grid, Program, Summary};

use crate::support::Scratch;

const PROGRAM: Program = Program { name: "probe", about: "Shows nothing.", options: &[] };

/// Status, standard output and standard error of a run.
fn respond_to(
    line: &[&str],
    example: impl FnOnce(&Args) -> Result<Summary, Failure> + Send,
) -> (Status, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = respond(&PROGRAM, line, &mut out, &mut err, example);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status, text(out), text(err))
}

fn in_scratch(test: &str, example: impl FnOnce(&Args) -> Result<Summary, Failure> + Send) -> (Status, String, String) {
    let dir = Scratch::new(test);
    respond_to(&["--out", dir.path("out").to_str().unwrap()], example)
}

#[test]
fn ref_a_summary_is_the_last_line() {
    let seen = in_scratch("run_summary", |_| {
        let summary = Summary::new().finding("elbo", -103.9).finding("note", "two words");
        Ok(summary.claim(true, "it is seen"))
    });
    let line = "probe: elbo=-103.9 note=two_words\n";
    assert_eq!(seen, (Status::Holds, line.to_owned(), String::new()));
    assert_eq!(Status::Holds as u8, 0);
}

#[test]
fn law_pictures_are_written_in_both_forms() {
    let seen = in_scratch("run_pictures", |args| {
        let written = || -> Result<Vec<String>, Failure> {
            let names = fs::read_dir(&args.out)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            let mut names = names.collect::<Result<Vec<_>, Failure>>()?;
            names.sort();
            Ok(names)
        };
        // A chart without a point is none.
        let chart = Chart::new("t", "x", "y");
        args.write_chart("empty", &chart)?;
        assert!(written()?.is_empty());
        args.write_chart("line", &chart.line("a", [(0.0, 1.0), (1.0, 2.0)]))?;
        args.write_grid("images", &Grid::new(&array![[0.0, 1.0]], (1, 2), 1)?, 3)?;
        assert_eq!(written()?, ["images.png", "images.svg", "line.png", "line.svg"]);
        let starts = |name: &str, start: &[u8]| Ok::<_, Failure>(fs::read(args.out.join(name))?.starts_with(start));
        assert!(starts("line.png", b"\x89PNG")? && starts("images.png", b"\x89PNG")?);
        assert!(starts("line.svg", b"<svg")? && starts("images.svg", b"<svg")?);
        Ok(Summary::new())
    });
    assert_eq!(seen, (Status::Holds, "probe:\n".to_owned(), String::new()));
}

#[test]
fn ref_a_refuted_claim_has_status_1() {
    let seen = in_scratch("run_claim", |_| {
        let summary = Summary::new().finding("elbo", -300).claim(false, "-300 is above -205.8");
        Ok(summary.claim(true, "another"))
    });
    let sentence = "probe: this does not hold: -300 is above -205.8\n".to_owned();
    assert_eq!(seen, (Status::Refuted, "probe: elbo=-300\n".to_owned(), sentence));
    assert_eq!(Status::Refuted as u8, 1);
}

#[test]
fn ref_an_error_has_status_2() {
    let seen = in_scratch("run_error", |args| {
        args.count("depth")?;
        Ok(Summary::new())
    });
    let sentence = "probe: the example does not declare `--depth` as a count\n".to_owned();
    assert_eq!(seen, (Status::Failed, String::new(), sentence));
    assert_eq!(Status::Failed as u8, 2);
}

#[test]
fn ref_nonsense_and_help_run_nothing() {
    let never = |_: &Args| -> Result<Summary, Failure> { panic!("it ran") };
    let (status, out, err) = respond_to(&["--seed", "x"], never);
    assert_eq!((status, out.as_str()), (Status::Failed, ""));
    assert_eq!(err, "probe: `--seed` is `x`, expected a whole number from 0\n");
    let (status, out, err) = respond_to(&["--help"], never);
    assert_eq!((status, err.as_str()), (Status::Holds, ""));
    assert!(out.starts_with("Shows nothing.\n\nUsage: "), "{out}");
    assert!(out.ends_with("print this text\n"), "{out}");
}

#[test]
fn hard_an_impossible_directory_is_told_before_the_work() {
    let dir = Scratch::new("run_blocked");
    let file = dir.file("out", b"precious");
    let never = |_: &Args| -> Result<Summary, Failure> { panic!("it ran") };
    let (status, out, err) = respond_to(&["--out", file.to_str().unwrap()], never);
    assert_eq!((status, out.as_str()), (Status::Failed, ""));
    let start = format!("probe: `{}` cannot be made a directory: ", file.display());
    assert!(err.starts_with(&start) && err.lines().count() == 1, "{err}");
}

#[test]
fn law_results_go_where_they_should_by_the_threads_asked_for() {
    let dir = Scratch::new("run_out");
    let out = dir.path("deep/out");
    let line = ["--threads", "3", "--out", out.to_str().unwrap()];
    let (status, ..) = respond_to(&line, |args| {
        assert_eq!(rayon::current_num_threads(), 3);
        assert_eq!(args.write("x.txt", "written")?, args.out.join("x.txt"));
        Ok(Summary::new())
    });
    assert_eq!(status, Status::Holds);
    assert_eq!(fs::read(out.join("x.txt")).unwrap(), b"written");
}

/// A reader that has gone, as in `... | head -0`.
#[test]
fn hard_nobody_listens() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    let dir = Scratch::new("run_gone");
    let out = dir.path("out");
    let line = ["--out", out.to_str().unwrap()];
    let status = respond(&PROGRAM, line, &mut Gone, &mut Gone, |_| Ok(Summary::new().claim(false, "it is heard")));
    assert_eq!(status, Status::Refuted);
}
