use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use estimand::Error;
use estimand::ndarray::{Array2, array};
use flate2::Compression;
use flate2::write::GzEncoder;
use lab::data::{
    Batches, Bits, DataError, Grey, Images, Sprites, Table, independent_pixels, pixel_means, read_labels, read_matrix,
};

use crate::support::{Scratch, generator};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(images: u32, rows: u32, columns: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    for size in [images, rows, columns] {
        bytes.extend(size.to_be_bytes());
    }
    bytes.extend(pixels);
    bytes
}

/// The message, which must be one line that names the file.
fn sentence<T: std::fmt::Debug>(result: Result<T, DataError>, path: &Path) -> String {
    let text = result.unwrap_err().to_string();
    let start = format!("`{}` ", path.display());
    assert!(!text.contains('\n'), "{text}");
    text.strip_prefix(&start).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn ref_bits_are_most_significant_first() {
    let dir = Scratch::new("bits_order");
    let mut bytes = vec![0; 2 * 98];
    bytes[0] = 0b1010_0000;
    bytes[97] = 0b0000_0001;
    bytes[98 + 3] = 0b0001_0000;
    for (name, contents) in [("plain.bits", bytes.clone()), ("zipped", gzip(&bytes))] {
        let bits = Bits::read(dir.file(name, &contents)).unwrap();
        assert_eq!((bits.len(), bits.shape(), bits.pixels()), (2, (28, 28), 784));
        let rows: Array2<f32> = bits.batch(&[1, 0, 0]).unwrap();
        let ink = |row: usize| -> Vec<usize> { (0..784).filter(|&pixel| rows[[row, pixel]] == 1.0).collect() };
        assert_eq!(ink(1), [0, 2, 783]);
        assert_eq!(ink(0), [3 * 8 + 3]);
        assert_eq!(ink(2), ink(1));
        assert_eq!(rows.sum(), 7.0);
    }
}

#[test]
fn law_drawn_bits_come_back() {
    // 15 pixels: images do not end at a byte's end unless padded.
    let ink = |image: usize, row: usize, column: usize| (image + 2 * row + column).is_multiple_of(3);
    let bits = Bits::from_fn(4, (3, 5), ink);
    let rows: Array2<f64> = bits.batch(&[0, 1, 2, 3]).unwrap();
    for ((image, pixel), &value) in rows.indexed_iter() {
        let expected = if ink(image, pixel / 5, pixel % 5) { 1.0 } else { 0.0 };
        assert_eq!(value, expected, "{image} {pixel}");
    }
    let two = bits.first(2);
    assert_eq!(two.len(), 2);
    assert_eq!(two.batch::<f64>(&[1]).unwrap(), bits.batch::<f64>(&[1]).unwrap());
    assert_eq!(bits.first(9), bits);
    assert!(Bits::from_fn(0, (3, 5), ink).is_empty());
}

#[test]
fn hard_indices_that_there_are_not() {
    let wrong = |value| {
        let (name, expected) = ("indices", "indices below the number of images");
        Error::Parameter { name, value, expected }
    };
    let bits = Bits::from_fn(2, (1, 8), |_, _, _| true);
    assert_eq!(bits.batch::<f32>(&[0, 2]).unwrap_err(), wrong(2.0));
    assert_eq!(bits.batch::<f32>(&[]).unwrap().dim(), (0, 8));
    let dir = Scratch::new("grey_index");
    let grey = Grey::read(dir.file("g", &idx(1, 1, 2, &[0, 1]))).unwrap();
    assert_eq!(grey.batch::<f32>(&[1]).unwrap_err(), wrong(1.0));
    assert_eq!(bits.first(1).batch::<f32>(&[1]).unwrap_err(), wrong(1.0));
}

#[test]
fn hard_files_that_hold_no_bits() {
    let dir = Scratch::new("bits_bad");
    let read = |path: &Path| sentence(Bits::read(path), path);
    let missing = dir.path("missing");
    assert!(read(&missing).starts_with("cannot be read: "), "{}", read(&missing));
    assert!(read(&dir.path("")).starts_with("cannot be read: "));
    assert_eq!(read(&dir.file("empty", &[])), "is empty");
    assert_eq!(read(&dir.file("zipped_empty", &gzip(&[]))), "is empty");
    assert_eq!(read(&dir.file("cut", &[0; 99])), "has 99 bytes, which is no whole number of images of 98 bytes");
    let whole = gzip(&[7; 980]);
    let cut = dir.file("cut_gzip", &whole[..whole.len() - 9]);
    assert!(read(&cut).starts_with("cannot be read: "));
    let mut damaged = whole;
    let last = damaged.len() - 5;
    damaged[last] ^= 1;
    assert!(read(&dir.file("damaged_gzip", &damaged)).starts_with("cannot be read: "));
}

#[test]
fn hard_a_small_file_that_unpacks_to_a_giant() {
    let dir = Scratch::new("bomb");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let block = vec![0; 1 << 20];
    for _ in 0..257 {
        encoder.write_all(&block).unwrap();
    }
    let bomb = dir.file("bomb", &encoder.finish().unwrap());
    let text = "is of more than 268435456 bytes, the most that is read";
    assert_eq!(sentence(Bits::read(&bomb), &bomb), text);
}

#[test]
fn ref_grey_levels() {
    let dir = Scratch::new("grey");
    let bytes = idx(2, 2, 3, &[0, 51, 102, 153, 204, 255, 255, 0, 0, 0, 0, 51]);
    for (name, contents) in [("plain", bytes.clone()), ("zipped", gzip(&bytes))] {
        let grey = Grey::read(dir.file(name, &contents)).unwrap();
        assert_eq!((grey.len(), grey.shape(), grey.pixels()), (2, (2, 3), 6));
        let rows: Array2<f64> = grey.batch(&[1, 0]).unwrap();
        let expected = array![[1.0, 0.0, 0.0, 0.0, 0.0, 0.2], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]];
        assert_eq!(rows, expected);
        assert_eq!(grey.first(1).len(), 1);
        assert_eq!(grey.first(1).batch::<f64>(&[0]).unwrap(), grey.batch::<f64>(&[0]).unwrap());
    }
}

#[test]
fn hard_files_that_hold_no_grey_levels() {
    let dir = Scratch::new("grey_bad");
    let read = |name: &str, bytes: &[u8]| {
        let path = dir.file(name, bytes);
        sentence(Grey::read(&path), &path)
    };
    assert_eq!(read("empty", &[]), "is empty");
    let foreign = "is not an IDX file of images: it begins with [89, 50, 4e, 47], not [00, 00, 08, 03]";
    assert_eq!(read("png", b"\x89PNG\r\n"), foreign);
    let foreign = "is not an IDX file of images: it begins with [00, 00], not [00, 00, 08, 03]";
    assert_eq!(read("two_bytes", &[0, 0]), foreign);
    assert_eq!(read("half_header", &idx(1, 1, 1, &[])[..11]), "ends after 11 bytes, expected 16");
    assert_eq!(read("no_pixels", &idx(2, 2, 2, &[])), "ends after 16 bytes, expected 24");
    assert_eq!(read("cut", &idx(2, 2, 2, &[0; 7])), "ends after 23 bytes, expected 24");
    let trailing = "goes on after the 24 bytes that it should have";
    assert_eq!(read("trailing", &idx(2, 2, 2, &[0; 9])), trailing);
    for (images, rows, columns) in [(0, 28, 28), (5, 0, 28), (5, 28, 0), (u32::MAX, u32::MAX, 0)] {
        let text = format!("announces {images} images of {rows} x {columns} pixels: there is nothing to train on");
        assert_eq!(read("none", &idx(images, rows, columns, &[])), text);
    }
    let large = "is of more than 268435456 bytes, the most that is read";
    assert_eq!(read("overflow", &idx(u32::MAX, u32::MAX, u32::MAX, &[0; 9])), large);
    assert_eq!(read("lying", &idx(1 << 20, 28, 28, &[0; 9])), large);
    let missing = dir.path("missing");
    assert!(sentence(Grey::read(&missing), &missing).starts_with("cannot be read: "));
}

/// At 4.5 standard errors a good binarisation fails once in 150,000 for each level; a bias of a
/// quarter of a grey level would be seen at the middle.
#[test]
fn stat_binarisation_has_the_frequency_of_the_grey_level() {
    let dir = Scratch::new("binarised");
    let levels = [0, 1, 64, 128, 254, 255_u8];
    let n = 250_000;
    let pixels: Vec<u8> = levels.iter().flat_map(|&grey| vec![grey; n]).collect();
    let file = idx(levels.len() as u32, 500, 500, &pixels);
    let grey = Grey::read(dir.file("levels", &file)).unwrap();
    let mut rng = generator(1);
    let bits = grey.binarised(&mut rng);
    for (i, level) in levels.into_iter().enumerate() {
        let p = f64::from(level) / 255.0;
        let frequency = bits.batch::<f64>(&[i]).unwrap().sum() / n as f64;
        let error = 4.5 * (p * (1.0 - p) / n as f64).sqrt();
        assert!((frequency - p).abs() <= error, "{level}: {frequency} {p}");
    }
    assert_ne!(grey.binarised(&mut rng), bits);
    assert_eq!(grey.binarised(&mut generator(1)), bits);
}

#[test]
fn law_images_of_either_kind() {
    let dir = Scratch::new("images");
    let packed: Vec<u8> = (0..196).map(|i| (i * 37 % 251) as u8).collect();
    let images = Images::read(dir.file("a", &gzip(&packed))).unwrap();
    assert!(matches!(&images, Images::Bits(bits) if bits.len() == 2));
    let mut rng = generator(2);
    let (first, second) = (images.epoch(&mut rng), images.epoch(&mut rng));
    assert_eq!(first, second);
    assert_eq!((images.len(), images.shape(), images.first(1).len()), (2, (28, 28), 1));

    let images = Images::read(dir.file("b", &idx(3, 5, 4, &[100; 60]))).unwrap();
    assert!(matches!(&images, Images::Grey(_)));
    let (first, second) = (images.epoch(&mut rng), images.epoch(&mut rng));
    assert_ne!(first, second);
    assert_eq!((first.len(), first.shape()), (3, (5, 4)));
    assert_eq!((images.len(), images.shape(), images.first(2).len()), (3, (5, 4), 2));
    assert!(!images.is_empty());

    let empty = dir.file("empty", &[]);
    assert_eq!(sentence(Images::read(&empty), &empty), "is empty");
}

#[test]
fn ref_labels_with_and_without_header() {
    let dir = Scratch::new("labels");
    // Labels that look like the beginning of a header.
    let labels = [0, 0, 8, 1, 0, 0, 0, 4, 9];
    let raw = dir.file("raw", &labels);
    assert_eq!(read_labels(&raw, 9).unwrap(), labels);
    let mut headed = vec![0, 0, 8, 1, 0, 0, 0, 9];
    headed.extend(labels);
    let idx = dir.file("idx", &gzip(&headed));
    assert_eq!(read_labels(&idx, 9).unwrap(), labels);

    let text = |path: &Path, images| sentence(read_labels(path, images), path);
    let plain = dir.file("plain", &[5, 0, 4]);
    assert_eq!(text(&plain, 4), "ends after 3 bytes, expected 4");
    assert_eq!(text(&plain, 2), "goes on after the 2 bytes that it should have");
    assert_eq!(text(&idx, 10), "ends after 17 bytes, expected 18");
    assert_eq!(text(&idx, 8), "goes on after the 16 bytes that it should have");
    assert_eq!(text(&dir.file("empty", &[]), 0), "is empty");
}

#[test]
fn law_an_epoch_has_every_index_once() {
    let mut rng = generator(3);
    let batches = Batches::shuffled(10, 4, &mut rng).unwrap();
    let sizes: Vec<usize> = batches.iter().map(<[usize]>::len).collect();
    assert_eq!(sizes, [4, 4, 2]);
    assert_eq!((batches.len(), batches.iter().len()), (3, 3));
    let all: BTreeSet<usize> = (&batches).into_iter().flatten().copied().collect();
    assert_eq!(all, (0..10).collect());
    let order: Vec<usize> = batches.iter().flatten().copied().collect();
    assert_ne!(order, (0..10).collect::<Vec<_>>());
    assert_ne!(batches, Batches::shuffled(10, 4, &mut rng).unwrap());
    assert_eq!(batches, Batches::shuffled(10, 4, &mut generator(3)).unwrap());
    let in_order = Batches::in_order(3, 2).unwrap();
    assert_eq!(in_order.iter().collect::<Vec<_>>(), [&[0, 1][..], &[2]]);
    assert!(Batches::in_order(0, 2).unwrap().is_empty());
    let (name, value, expected) = ("size", 0.0, "at least 1");
    assert_eq!(Batches::shuffled(3, 0, &mut rng), Err(Error::Parameter { name, value, expected }));
}

#[test]
fn ref_a_table_has_columns_and_comments() {
    let dir = Scratch::new("table");
    let text = b"# made by hand\nrun, speed ,note\n1,850,\"a, b\"\n# in between\n\n2, -7.4e2,\r\n3,+0.5,x";
    for (name, contents) in [("plain.csv", text.to_vec()), ("zipped.csv", gzip(text))] {
        let table = Table::read(dir.file(name, &contents)).unwrap();
        assert_eq!(table.column("run").unwrap(), [1.0, 2.0, 3.0]);
        assert_eq!(table.column("speed").unwrap(), [850.0, -740.0, 0.5]);
        assert_eq!(table.names(), ["run", "speed", "note"]);
        assert_eq!(table.lines().collect::<Vec<_>>(), [3, 6, 7]);
    }
    let marked = Table::parse("here", b"\xef\xbb\xbfx,\"a \"\"b\"\"\"\n1,2\n").unwrap();
    assert_eq!((marked.column("x").unwrap(), marked.column("a \"b\"").unwrap()), (vec![1.0], vec![2.0]));
}

#[test]
fn hard_tables_that_are_none() {
    let dir = Scratch::new("table_bad");
    let told = |name: &str, contents: &[u8], column: &str| {
        let path = dir.file(name, contents);
        sentence(Table::read(&path).and_then(|table| table.column(column)), &path)
    };
    assert_eq!(told("empty", b"", "x"), "is empty");
    assert_eq!(told("comments", b"# nothing\n# at all\n", "x"), "is empty");
    assert_eq!(told("names", b"x,y\n# none\n", "x"), "names its columns and has no row");
    assert_eq!(told("column", b"x,y\n1,2\n", "z"), "has no column `z`; it has x, y");
    // Comments and empty lines count as lines.
    let number = |got: &str, line: usize| format!("has `{got}` in column `x` of line {line}, expected a finite number");
    assert_eq!(told("word", b"# c\nx,y\n1,2\n\nabc,2\n", "x"), number("abc", 5));
    assert_eq!(told("missing", b"x,y\n1,2\n,2\n", "x"), number("", 3));
    assert_eq!(told("nan", b"x\nnan\n", "x"), number("nan", 2));
    assert_eq!(told("inf", b"x\n1\n-inf\n", "x"), number("-inf", 3));
    assert_eq!(told("comma", b"x\n\"1,5\"\n", "x"), number("1,5", 2));
    let ragged = "is not a table: line 3 has 1 fields, where the names are 2";
    assert_eq!(told("ragged", b"x,y\n1,2\n3\n", "x"), ragged);
    assert_eq!(told("bytes", b"x,y\n1,\xff\n", "x"), "is not a table: line 2 is no text");
    assert_eq!(told("quote", b"x,y\n\"1,2\n", "x"), "is not a table: line 2 has a quote that does not end");
    let missing = sentence(Table::read(dir.path("none")), &dir.path("none"));
    assert!(missing.starts_with("cannot be read: "), "{missing}");
}

#[test]
fn ref_a_matrix_has_rows_of_numbers() {
    let dir = Scratch::new("matrix");
    let text = b"# two rows\n1, -2.5e1,0\n\n3,\"4\",+5\r\n";
    let expected = array![[1.0, -25.0, 0.0], [3.0, 4.0, 5.0]];
    for (name, contents) in [("plain.csv", text.to_vec()), ("zipped.csv", gzip(text))] {
        assert_eq!(read_matrix(dir.file(name, &contents)).unwrap(), expected);
    }
    assert_eq!(read_matrix(dir.file("one", b"7")).unwrap(), array![[7.0]]);
}

#[test]
fn hard_matrices_that_are_none() {
    let dir = Scratch::new("matrix_bad");
    let told = |name: &str, contents: &[u8]| {
        let path = dir.file(name, contents);
        sentence(read_matrix(&path), &path)
    };
    assert_eq!(told("empty", b""), "is empty");
    assert_eq!(told("comments", b"# nothing\n\n"), "is empty");
    let number = |got: &str, column: usize, line: usize| {
        format!("has `{got}` in column `{column}` of line {line}, expected a finite number")
    };
    assert_eq!(told("names", b"x,y\n1,2\n"), number("x", 1, 1));
    assert_eq!(told("word", b"# c\n1,2\n3,four\n"), number("four", 2, 3));
    assert_eq!(told("gap", b"1,2\n3,\n"), number("", 2, 2));
    assert_eq!(told("nan", b"1,nan\n"), number("nan", 2, 1));
    let ragged = "is not a table: line 3 has 1 fields, where the first row has 2";
    assert_eq!(told("ragged", b"1,2\n3,4\n5\n"), ragged);
    assert_eq!(told("bytes", b"1,\xff\n"), "is not a table: line 1 is no text");
}

/// Of three images of two pixels, one with ink in the first and all in the second: (1 + 1/2) / 4 and (3 + 1/2) / 4.
#[test]
fn ref_pixels_as_coins() {
    let images = Bits::from_fn(3, (1, 2), |image, _, column| column == 1 || image == 2);
    let means = pixel_means(&images).unwrap();
    assert_eq!(means, array![0.375, 0.875]);
    let want = (0.375_f64.ln() + 2.0 * 0.625_f64.ln()) / 3.0 + 0.875_f64.ln();
    let found = independent_pixels(&means, &images).unwrap();
    // Two terms an image, each rounded in f32.
    assert!((found - want).abs() < 8.0 * f64::from(f32::EPSILON) * want.abs(), "{found} {want}");
}

/// All of them differ, and each is a shape of about its area, in its place.
#[test]
fn law_sprites_are_distinct_and_in_their_places() {
    let Sprites { images, factors } = Sprites::all();
    assert_eq!((images.len(), images.shape(), factors.dim()), (4608, (32, 32), (4608, Sprites::FACTORS.len())));
    let all: Array2<f32> = images.batch(&(0..4608).collect::<Vec<_>>()).unwrap();
    let kinds: BTreeSet<Vec<bool>> = all.rows().into_iter().map(|row| row.iter().map(|&p| p > 0.5).collect()).collect();
    let combinations: BTreeSet<Vec<usize>> = factors.rows().into_iter().map(|row| row.to_vec()).collect();
    assert_eq!((kinds.len(), combinations.len()), (4608, 4608));
    // Areas in units of the size: a square of side 1.6, an ellipse of pi .55, and the heart's, with its middle, by a fine grid.
    let grid = |k: usize| -1.5 + (k as f64 + 0.5) / 200.0;
    let points = (0..600 * 600).map(|k| (grid(k % 600), grid(k / 600)));
    let heart: Vec<f64> =
        points.filter(|(u, v)| (u * u + v * v - 1.0).powi(3) <= u * u * v.powi(3)).map(|(_, v)| v).collect();
    let areas = [2.56, std::f64::consts::PI * 0.55, heart.len() as f64 / 4e4];
    let middles = [0.0, 0.0, heart.iter().sum::<f64>() / heart.len() as f64];
    for (row, classes) in all.rows().into_iter().zip(factors.rows()) {
        let (size, turn) = ([5.0, 6.5, 8.0][classes[1]], classes[2] as f64 * std::f64::consts::PI / 16.0);
        let (area, middle) = (areas[classes[0]], middles[classes[0]]);
        let ink = f64::from(row.sum());
        // An edge is off by half a pixel at the most, and by an eighth for the points; edges are 6.4 sizes long, a square's, with
        // four corners.
        assert!(
            (ink - area * size * size).abs() < 4.0 * size + 1.6,
            "{classes}: {ink} pixels, {} expected",
            area * size * size
        );
        // The centre of the ink; a heart's is off its own, along its axis, which turns with it: upwards where it is not turned.
        let centre = |of: fn(usize) -> usize| {
            row.iter().enumerate().map(|(k, &p)| f64::from(p) * (of(k) as f64 + 0.5)).sum::<f64>() / ink
        };
        let place = |class: usize| 10.0 + 12.0 * class as f64 / 7.0;
        let x = place(classes[3]) - middle * size * turn.sin();
        let y = place(classes[4]) - middle * size * turn.cos();
        let off = (centre(|k| k % 32) - x).hypot(centre(|k| k / 32) - y);
        // So is the centre, in either direction.
        assert!(off < 0.89, "{classes}: the centre is off by {off}");
    }
    let few = Sprites::each(2);
    assert_eq!(few.images.len(), 576);
    let same = |k: usize| {
        factors
            .rows()
            .into_iter()
            .position(|row| (0..5).all(|j| row[j] == few.factors[[k, j]] * if j < 2 { 1 } else { 2 }))
    };
    for k in [0, 17, 575] {
        assert_eq!(few.images.batch::<f32>(&[k]).unwrap(), images.batch::<f32>(&[same(k).unwrap()]).unwrap());
    }
}
