//! The house: floors, rooms, and what each file owes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A floor imports lower floors; rooms of one floor may import each other without cycles.
const FLOORS: [&[&str]; 5] = [
    &["real", "error"],
    &["shape", "kernel", "rows", "arithmetic", "elementary", "special", "noise", "moments", "matrix", "check"],
    &["distribution"],
    &["gradient", "fit"],
    &["objective", "metric"],
];

/// No file of `src` is longer.
const LINES: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `rows/grad` for `src/rows/grad.rs`.
fn name_of(path: &Path) -> String {
    path.strip_prefix(root().join("src")).unwrap().with_extension("").to_string_lossy().replace('\\', "/")
}

fn room_of(name: &str) -> &str {
    name.split('/').next().unwrap()
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Source without comments: what the compiler imports.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|l| l.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The leaves of the tree that follows `prefix` in the text, as paths: `a::{b, c::d}` gives
/// `[a, b]` and `[a, c, d]`.
fn paths(text: &str, prefix: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        if !before.is_alphanumeric() && before != '_' && before != ':' {
            leaves(&text[at + prefix.len()..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one tree from the start of `text`, and returns what is left.
fn leaves<'t>(text: &'t str, stem: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = leaves(rest, &mut stem.clone(), found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => rest = more,
                Some(more) => return more.trim_start().strip_prefix('}').unwrap_or_default(),
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    stem.push(text[..end].to_owned());
    match text[end..].strip_prefix("::") {
        Some(rest) if rest.trim_start().starts_with(|c: char| c.is_alphabetic() || c == '{' || c == '_') => {
            leaves(rest, stem, found)
        }
        _ => {
            found.push(stem.clone());
            &text[end..]
        }
    }
}

/// What a `mod.rs` or `lib.rs` exports by name, and the file of each.
fn exports(path: &Path, folder: &str) -> BTreeMap<String, String> {
    let text = code(path);
    let mut map = BTreeMap::new();
    for prefix in ["pub use ", "pub(crate) use "] {
        for leaf in paths(&text, prefix) {
            if leaf.len() == 2 {
                let file = if folder.is_empty() { leaf[0].clone() } else { format!("{folder}/{}", leaf[0]) };
                map.insert(leaf[1].clone(), file);
            }
        }
    }
    map
}

/// The rooms that each file imports, and the sibling files that it imports.
fn imports() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let src = root().join("src");
    let exported = exports(&src.join("lib.rs"), "");
    let rooms: BTreeSet<&str> = FLOORS.iter().flat_map(|f| f.iter().copied()).collect();
    let mut all = BTreeMap::new();
    for path in files(&src, "rs") {
        let name = name_of(&path);
        if name == "lib" {
            continue;
        }
        let text = code(&path);
        let mut outer = BTreeSet::new();
        let mut inner = BTreeSet::new();
        for leaf in paths(&text, "crate::") {
            let first = leaf[0].as_str();
            let room = if rooms.contains(first) { first } else { exported.get(first).map_or(first, String::as_str) };
            assert!(rooms.contains(room), "{name} imports crate::{first}, which has no floor");
            outer.insert(room.to_owned());
        }
        let folder = room_of(&name).to_owned();
        if name.contains('/') {
            let own = name.rsplit_once('/').map_or("", |(own, _)| own);
            let reexported = exports(&src.join(&folder).join("mod.rs"), &folder);
            // What is imported, and where it would be: a folder within a room has files of its own.
            let above = if name.ends_with("/mod") && own != folder { &folder } else { own };
            let mut siblings: Vec<(&str, String)> =
                paths(&text, "super::").into_iter().map(|l| (above, l[0].clone())).collect();
            if name.ends_with("/mod") {
                siblings.extend(paths(&text, "use self::").into_iter().map(|l| (own, l[0].clone())));
                siblings.extend(paths(&text, "use ").into_iter().map(|l| (own, l[0].clone())));
            }
            for (within, first) in siblings {
                let as_file = format!("{within}/{first}");
                if src.join(format!("{as_file}.rs")).exists() {
                    inner.insert(as_file);
                } else if src.join(&as_file).join("mod.rs").exists() {
                    inner.insert(format!("{as_file}/mod"));
                } else if within != folder {
                    // What the folder itself defines, or another crate.
                    if name != format!("{within}/mod") {
                        inner.insert(format!("{within}/mod"));
                    }
                } else if let Some(file) = reexported.get(&first) {
                    inner.insert(file.clone());
                } else if name != format!("{folder}/mod") {
                    inner.insert(format!("{folder}/mod"));
                }
            }
        }
        // Modules within a file see what is in it.
        inner.remove(&name);
        outer.remove(&folder);
        all.insert(name, (outer, inner));
    }
    all
}

/// A cycle of the graph, if there is one.
fn cycle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        graph: &BTreeMap<String, BTreeSet<String>>,
        trail: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        if let Some(from) = trail.iter().position(|x| x == at) {
            trail.drain(..from);
            return true;
        }
        if !done.insert(at.to_owned()) {
            return false;
        }
        trail.push(at.to_owned());
        if graph.get(at).is_some_and(|next| next.iter().any(|n| walk(n, graph, trail, done))) {
            return true;
        }
        trail.pop();
        false
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|start| {
        let mut trail = Vec::new();
        walk(start, graph, &mut trail, &mut done).then_some(trail)
    })
}

#[test]
fn law_a_floor_imports_lower_floors() {
    let imports = imports();
    assert!(imports.len() > 20 && imports["distribution/gaussian"].0.contains("rows"), "the reader of imports reads");
    let mut same_floor: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, (outer, _)) in &imports {
        let room = room_of(name);
        let floor = floor_of(room).unwrap_or_else(|| panic!("{name}: the room {room} has no floor"));
        for other in outer {
            let below = floor_of(other).unwrap();
            assert!(below <= floor, "{name} (floor {floor}) imports {other} (floor {below})");
            if below == floor {
                same_floor.entry(room.to_owned()).or_default().insert(other.clone());
            }
        }
    }
    assert_eq!(cycle(&same_floor), None, "rooms of one floor import each other in a circle");
}

#[test]
fn law_files_of_one_room_import_each_other_without_cycles() {
    let graph: BTreeMap<_, _> = imports().into_iter().map(|(name, (_, inner))| (name, inner)).collect();
    assert!(graph["distribution/gaussian"].contains("distribution/loc_scale"), "the reader of imports reads");
    assert_eq!(cycle(&graph), None, "files of one room import each other in a circle");
}

/// Laws, estimators and objectives are mathematics: how a row is run is the business of the kernel. (A block is a variable of
/// several classes.)
#[test]
fn law_no_law_mentions_what_runs_it() {
    let words = ["simd", "pulp", "avx", "rayon", "thread", "lanes"];
    let mut read = 0;
    for room in ["distribution", "gradient", "objective"] {
        for path in files(&root().join("src").join(room), "rs") {
            let text = fs::read_to_string(&path).unwrap().to_lowercase();
            for word in words {
                assert!(!text.contains(word), "{} mentions {word}", path.display());
            }
            read += 1;
        }
    }
    assert!(read > 10, "files are read");
}

#[test]
fn law_every_source_file_has_its_test_file() {
    for path in files(&root().join("src"), "rs") {
        let name = name_of(&path);
        let test = root().join("tests/suite").join(format!("{name}.rs"));
        assert!(name == "lib" || test.exists(), "src/{name}.rs has no tests/suite/{name}.rs");
    }
}

#[test]
fn law_no_source_file_is_long() {
    for path in files(&root().join("src"), "rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn law_every_chapter_has_a_room_and_names_a_test_that_exists() {
    let docs = root().join("docs");
    let tests: String = files(&root().join("tests"), "rs").iter().map(|p| fs::read_to_string(p).unwrap()).collect();
    // The laboratory is not in the published package, and what is named of it cannot be looked up there.
    let lab_tests = Some(root().join("examples/lab/tests")).filter(|lab| lab.exists());
    let lab: Option<String> =
        lab_tests.map(|lab| files(&lab, "rs").iter().map(|p| fs::read_to_string(p).unwrap()).collect());
    let mut chapters = 0;
    for path in files(&docs, "md") {
        let chapter = path.strip_prefix(&docs).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let room = chapter.split('/').next().unwrap();
        let whole = !chapter.contains('/');
        assert!(whole || floor_of(room).is_some(), "docs/{chapter} belongs to no room");
        let named = test_names(&text);
        assert!(whole || !named.is_empty(), "docs/{chapter} names no test");
        for name in named {
            let stands = |text: &str| text.contains(&format!("fn {name}("));
            assert!(
                stands(&tests) || lab.as_deref().is_none_or(stands),
                "docs/{chapter} names the test {name}, which does not exist"
            );
        }
        chapters += 1;
    }
    assert!(chapters >= 5, "chapters are read");
}

#[test]
fn law_every_chapter_is_in_the_documentation() {
    let lib = code(&root().join("src/lib.rs"));
    let read = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for path in files(&root().join("docs"), "md") {
        let chapter = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        assert!(read.contains(&format!("include_str!(\"../{chapter}\")")), "{chapter} is not in src/lib.rs");
    }
    assert!(lib.contains("pub mod chapters"));
}

/// The words of a text in backquotes that begin as a test does.
fn test_names(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_test = |w: &&str| ["law_", "stat_", "ref_", "hard_", "stream_"].iter().any(|p| w.starts_with(p));
    quoted.filter(is_test).filter(|w| w.len() > 8).map(str::to_owned).collect()
}

#[test]
fn law_the_reader_of_imports_reads_trees() {
    let text =
        "use crate::{Real, rows::{Grad, sum::pairwise}, shape::same_shape};\nlet x = crate::noise::uniform(rng);";
    let read: Vec<String> = paths(text, "crate::").into_iter().map(|p| p.join("::")).collect();
    assert_eq!(read, ["Real", "rows::Grad", "rows::sum::pairwise", "shape::same_shape", "noise::uniform"]);
    let circle = BTreeMap::from([
        ("a".to_owned(), BTreeSet::from(["b".to_owned()])),
        ("b".to_owned(), BTreeSet::from(["a".to_owned()])),
    ]);
    assert!(cycle(&circle).is_some());
}
