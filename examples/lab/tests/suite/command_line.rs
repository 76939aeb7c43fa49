use std::path::Path;

use estimand::rand::Rng;
use lab::command_line::{Request, UsageError, parse};
use lab::{Args, Opt, Program, Threads};

const PROGRAM: Program = Program {
    name: "probe",
    about: "Shows nothing.",
    options: &[
        Opt::count("epochs", "N", "passes over the data", 15, 1..=100).quick_count(2),
        Opt::number("beta", "B", "weight of the KL term", 1.0, 0.0..=1e3).quick_number(0.5),
        Opt::number("rate", "R", "step size", 1e-3, f64::MIN_POSITIVE..=f64::MAX),
        Opt::choice("law", "NAME", "the law", "gauss", &["gauss", "laplace"]),
        Opt::path("train", "FILE", "images", "examples/lab/Cargo.toml"),
        Opt::flag("fast", "hurry"),
    ],
};

fn args(line: &[&str]) -> Args {
    match parse(&PROGRAM, line).unwrap() {
        Request::Run(args) => args,
        Request::Help(text) => panic!("{text}"),
    }
}

fn wrong(line: &[&str]) -> String {
    parse(&PROGRAM, line).unwrap_err().to_string()
}

#[test]
fn ref_defaults() {
    let args = args(&[]);
    assert_eq!(args.out, Path::new("out/probe"));
    assert_eq!((args.quick, args.seed, args.threads), (false, 1, Threads::available()));
    assert_eq!(args.count("epochs"), Ok(15));
    assert_eq!(args.number("beta"), Ok(1.0));
    assert_eq!(args.number("rate"), Ok(1e-3));
    assert_eq!(args.choice("law"), Ok("gauss"));
    assert_eq!(args.flag("fast"), Ok(false));
    // A default file is found from anywhere; tests run in the package, not in the root.
    let file = args.path("train").unwrap();
    assert!(file.is_file(), "{}", file.display());
}

#[test]
fn ref_quick_defaults_give_way_to_what_is_given() {
    let quick = args(&["--quick"]);
    assert!(quick.quick);
    assert_eq!((quick.count("epochs"), quick.number("beta")), (Ok(2), Ok(0.5)));
    assert_eq!(quick.number("rate"), Ok(1e-3));
    let given = args(&["--epochs", "7", "--quick"]);
    assert_eq!((given.count("epochs"), given.number("beta")), (Ok(7), Ok(0.5)));
}

#[test]
fn ref_what_is_given_counts() {
    let args = args(&[
        "--out",
        "a b",
        "--seed=18446744073709551615",
        "--threads",
        "3",
        "--epochs=1",
        "--epochs=100",
        "--beta",
        "1e-2",
        "--rate",
        "1e-300",
        "--law=laplace",
        "--train",
        "x",
        "--fast",
    ]);
    assert_eq!(args.out, Path::new("a b"));
    assert_eq!((args.seed, args.threads), (u64::MAX, Threads::new(3)));
    assert_eq!((args.count("epochs"), args.number("beta")), (Ok(100), Ok(0.01)));
    assert_eq!((args.number("rate"), args.choice("law")), (Ok(1e-300), Ok("laplace")));
    assert_eq!((args.path("train"), args.flag("fast")), (Ok(Path::new("x")), Ok(true)));
}

#[test]
fn stream_a_seed_begins_one_generator() {
    let first = |seed: &str| args(&["--seed", seed]).rng().random::<u64>();
    assert_eq!(first("5"), first("5"));
    assert_ne!(first("5"), first("6"));
}

#[test]
fn hard_nonsense_is_one_clear_sentence() {
    for (line, sentence) in [
        (&["--foo"][..], "there is no option `--foo`; `--help` lists them all"),
        (&["-x"], "there is no option `-x`; `--help` lists them all"),
        (&["foo"], "`foo` is not an option; `--help` lists them all"),
        (&["--", "--quick"], "`--quick` is not an option; `--help` lists them all"),
        (&["--seed"], "`--seed` needs a value"),
        (&["--out", "--quick"], "`--out` needs a value"),
        (&["--out="], "`--out` needs a value"),
        (&["--quick=1"], "`--quick` takes no value"),
        (&["--fast=no", "--quick"], "`--fast` takes no value"),
        (&["--seed", "-1"], "`--seed` is `-1`, expected a whole number from 0"),
        (&["--seed", "1.5"], "`--seed` is `1.5`, expected a whole number from 0"),
        (&["--threads", "0"], "`--threads` is `0`, expected a whole number from 1 to 1024"),
        (&["--epochs", "0"], "`--epochs` is `0`, expected a whole number from 1 to 100"),
        (&["--epochs", "101"], "`--epochs` is `101`, expected a whole number from 1 to 100"),
        (&["--epochs", "ten"], "`--epochs` is `ten`, expected a whole number from 1 to 100"),
        (&["--epochs", ""], "`--epochs` is ``, expected a whole number from 1 to 100"),
        (&["--beta", "NaN"], "`--beta` is `NaN`, expected a number from 0 to 1000"),
        (&["--beta", "inf"], "`--beta` is `inf`, expected a number from 0 to 1000"),
        (&["--beta", "-1e-9"], "`--beta` is `-1e-9`, expected a number from 0 to 1000"),
        (&["--rate", "0"], "`--rate` is `0`, expected a number above 0"),
        (&["--rate", "inf"], "`--rate` is `inf`, expected a number above 0"),
        (&["--law", "cauchy"], "`--law` is `cauchy`, expected one of gauss, laplace"),
    ] {
        assert_eq!(wrong(line), sentence, "{line:?}");
    }
}

#[cfg(unix)]
#[test]
fn hard_bytes_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let bytes = OsStr::from_bytes(b"a\xff");
    let Request::Run(args) = parse(&PROGRAM, [OsStr::new("--out"), bytes]).unwrap() else {
        panic!("no run");
    };
    assert_eq!(args.out, Path::new(bytes));
    let error = parse(&PROGRAM, [OsStr::new("--epochs"), bytes]).unwrap_err();
    assert!(matches!(error, UsageError::Value { .. }), "{error}");
}

#[test]
fn ref_help_tells_every_option() {
    for line in [&["--help"][..], &["-h"], &["--quick", "--help", "--foo"]] {
        let Request::Help(text) = parse(&PROGRAM, line).unwrap() else {
            panic!("no help");
        };
        for part in [
            "Shows nothing.\n",
            "--example probe --",
            "--epochs N    passes over the data (default 15, with --quick 2; a whole number from 1 to 100)\n",
            "--beta B      weight of the KL term (default 1, with --quick 0.5; a number from 0 to 1000)\n",
            "--rate R      step size (default 0.001; a number above 0)\n",
            "--law NAME    the law (default gauss; one of gauss, laplace)\n",
            "--train FILE  images (default examples/lab/Cargo.toml)\n",
            "--fast        hurry\n",
            "--out DIR ",
            "--quick ",
            "--seed N      what all randomness comes from (default 1)\n",
            "--threads N ",
            "--help ",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}

#[test]
fn hard_a_value_that_was_not_declared() {
    let args = args(&[]);
    let sentence = "the example does not declare `--depth` as a count";
    assert_eq!(args.count("depth").unwrap_err().to_string(), sentence);
    assert!(args.count("beta").is_err());
    assert!(args.number("epochs").is_err());
    assert!(args.choice("train").is_err());
    assert!(args.path("law").is_err());
    assert!(args.flag("epochs").is_err());
}

const OPTIONAL: Program = Program {
    name: "probe",
    about: "Shows nothing.",
    options: &[
        Opt::optional_number("sigma", "S", "standard deviation", f64::MIN_POSITIVE..=f64::MAX),
        Opt::optional_number("mean", "M", "mean (1 unless given)", f64::MIN..=f64::MAX),
        Opt::optional_path("csv", "FILE", "a table"),
        Opt::optional_text("column", "NAME", "a column"),
    ],
};

fn optional(line: &[&str]) -> Args {
    match parse(&OPTIONAL, line).unwrap() {
        Request::Run(args) => args,
        Request::Help(text) => panic!("{text}"),
    }
}

#[test]
fn ref_what_need_not_be_given() {
    let none = optional(&[]);
    assert_eq!((none.optional_number("sigma"), none.optional_number("mean")), (Ok(None), Ok(None)));
    assert_eq!((none.optional_path("csv"), none.optional_text("column")), (Ok(None), Ok(None)));
    let all = optional(&["--sigma", "79", "--mean", "-1e3", "--csv=a b.csv", "--column", "-x, y"]);
    assert_eq!((all.optional_number("sigma"), all.optional_number("mean")), (Ok(Some(79.0)), Ok(Some(-1000.0))));
    assert_eq!(all.optional_path("csv"), Ok(Some(Path::new("a b.csv"))));
    assert_eq!(all.optional_text("column"), Ok(Some("-x, y")));
    // Nor is one kind read as another.
    assert!(none.number("sigma").is_err() && all.path("column").is_err());
    assert!(all.optional_text("csv").is_err() && all.optional_number("column").is_err());
    assert!(all.optional_path("sigma").is_err() && args(&[]).optional_number("beta") == Ok(Some(1.0)));
}

#[test]
fn hard_nonsense_for_what_need_not_be_given() {
    let wrong = |line: &[&str]| parse(&OPTIONAL, line).unwrap_err().to_string();
    assert_eq!(wrong(&["--sigma", "0"]), "`--sigma` is `0`, expected a number above 0");
    assert_eq!(wrong(&["--mean", "few"]), "`--mean` is `few`, expected a number");
    assert_eq!(wrong(&["--mean", "inf"]), "`--mean` is `inf`, expected a number");
    assert_eq!(wrong(&["--csv", "--sigma"]), "`--csv` needs a value");
    assert_eq!(wrong(&["--column", ""]), "`--column` is ``, expected a text");
    assert_eq!(wrong(&["--column"]), "`--column` needs a value");
    let Request::Help(text) = parse(&OPTIONAL, ["--help"]).unwrap() else { panic!("no help") };
    for part in [
        "--sigma S      standard deviation (a number above 0)\n",
        "--mean M       mean (1 unless given) (a number)\n",
        "--csv FILE     a table\n",
        "--column NAME  a column\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}
