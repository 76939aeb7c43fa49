use std::fs;

use lab::output::{make_directory, write};

use crate::support::Scratch;

#[test]
fn law_a_file_is_written_whole_and_replaced() {
    let dir = Scratch::new("output");
    let out = dir.path("a/b");
    let path = write(&out, "table.csv", b"first, and longer").unwrap();
    assert_eq!(path, out.join("table.csv"));
    assert_eq!(fs::read(&path).unwrap(), b"first, and longer");
    write(&out, "table.csv", b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
}

#[test]
fn hard_a_name_that_is_taken_leaves_no_trace() {
    let dir = Scratch::new("output_taken");
    fs::create_dir(dir.path("x.svg")).unwrap();
    let error = write(&dir.path(""), "x.svg", b"new").unwrap_err().to_string();
    let start = format!("`{}` cannot be written: ", dir.path("x.svg").display());
    assert!(error.starts_with(&start), "{error}");
    assert_eq!(dir.names(), ["x.svg"]);
}

/// An older reader of the file keeps what it had: the name moves, the contents stay.
#[cfg(unix)]
#[test]
fn law_the_old_contents_stay_with_who_reads_them() {
    use std::io::Read;
    let dir = Scratch::new("output_atomic");
    let path = write(&dir.path(""), "x", b"old").unwrap();
    let mut reader = fs::File::open(&path).unwrap();
    write(&dir.path(""), "x", b"new contents").unwrap();
    let mut seen = String::new();
    reader.read_to_string(&mut seen).unwrap();
    assert_eq!(seen, "old");
}

#[test]
fn hard_a_file_where_a_directory_should_be() {
    let dir = Scratch::new("output_file");
    let file = dir.file("out", b"precious");
    for path in [file.clone(), file.join("deeper")] {
        let error = make_directory(&path).unwrap_err().to_string();
        let start = format!("`{}` cannot be made a directory: ", path.display());
        assert!(error.starts_with(&start), "{error}");
        assert!(write(&path, "x", b"new").is_err());
    }
    assert_eq!(fs::read(&file).unwrap(), b"precious");
}
