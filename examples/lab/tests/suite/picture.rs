use std::io::Cursor;

use estimand::Error;
use estimand::ndarray::{Array2, array};
use lab::Grid;
use lab::picture::PictureError;

/// Width, height and bytes of a PNG.
pub fn decode(file: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.width as usize, info.height as usize, bytes)
}

#[test]
fn ref_pixels_of_a_grid() {
    // Three images of 1 x 2 in two columns; the place of a fourth stays margin.
    let images = array![[0.0, 1.0], [0.5, -3.0], [7.0, 0.0]];
    let grid = Grid::new(&images, (1, 2), 2).unwrap();
    let (margin, paper, ink, half) = (226, 255, 16, 136);
    #[rustfmt::skip]
    let expected = [
        margin, margin, margin, margin, margin, margin, margin,
        margin, paper,  ink,    margin, half,   paper,  margin,
        margin, margin, margin, margin, margin, margin, margin,
        margin, ink,    paper,  margin, margin, margin, margin,
        margin, margin, margin, margin, margin, margin, margin,
    ];
    let (width, height, grey) = decode(&grid.png(1).unwrap());
    assert_eq!((width, height), (7, 5));
    assert_eq!(grey, expected);

    let (width, height, large) = decode(&grid.png(3).unwrap());
    assert_eq!((width, height), (21, 15));
    for (i, pixel) in large.into_iter().enumerate() {
        let (y, x) = (i / 21, i % 21);
        assert_eq!(pixel, expected[y / 3 * 7 + x / 3], "{x} {y}");
    }
}

#[test]
fn law_both_precisions_make_one_picture() {
    let images = Array2::from_shape_fn((5, 12), |(i, j)| ((i * 12 + j) % 9) as f32 / 8.0);
    let narrow = Grid::new(&images, (4, 3), 3).unwrap();
    assert_eq!(narrow, Grid::new(&images.mapv(f64::from), (4, 3), 3).unwrap());
}

#[test]
fn law_more_columns_than_images_leave_no_gap() {
    let images = array![[1.0], [1.0]];
    let (width, height, _) = decode(&Grid::new(&images, (1, 1), 50).unwrap().png(1).unwrap());
    assert_eq!((width, height), (5, 3));
}

/// Decodes RFC 4648, the other way than the code under test.
fn from_base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other}"),
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(value).collect();
    assert_eq!(text.len(), digits.len().div_ceil(4) * 4);
    let bits = |i: usize| digits[i / 6] >> (5 - i % 6) & 1;
    (0..digits.len() * 6 / 8).map(|byte| (0..8).fold(0, |sum, i| sum << 1 | bits(8 * byte + i))).collect()
}

#[test]
fn law_an_svg_holds_the_picture() {
    // Three sizes, so that the ends of the encoding are seen.
    for n in 1..=3 {
        let images = Array2::from_shape_fn((n, 6), |(i, j)| (i + j) as f64 / 8.0);
        let grid = Grid::new(&images, (2, 3), 2).unwrap();
        let svg = grid.svg(4).unwrap();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""));
        assert!(svg.ends_with("</svg>\n"));
        let (_, rest) = svg.split_once("base64,").unwrap();
        let (data, _) = rest.split_once('"').unwrap();
        assert_eq!(from_base64(data), grid.png(1).unwrap());
        let (width, height, _) = decode(&grid.png(4).unwrap());
        assert!(svg.contains(&format!("<image width=\"{width}\" height=\"{height}\"")));
    }
}

#[test]
fn hard_no_picture() {
    let argument = |result: Result<Grid, PictureError>| match result.unwrap_err() {
        PictureError::Argument(error) => error,
        other => panic!("{other}"),
    };
    let images = array![[0.0, 1.0], [0.0, f64::NAN]];
    let (name, got, expected) = ("images", vec![2, 2], vec![2, 6]);
    let wrong = argument(Grid::new(&images, (2, 3), 1));
    assert_eq!(wrong, Error::Shape { name, got, expected });
    let wrong = argument(Grid::new(&images, (1, 2), 0));
    assert_eq!(wrong.to_string(), "`columns` is 0, expected at least 1");
    let wrong = argument(Grid::new(&images, (1, 2), 1));
    assert_eq!(wrong.to_string(), "`images` is NaN at [1, 1], expected a grey level from 0 to 1");
    let wrong = argument(Grid::new(&Array2::<f32>::zeros((0, 2)), (1, 2), 1));
    assert_eq!(wrong.to_string(), "`images` has 0 rows, needs at least 1");

    let grid = Grid::new(&array![[1.0]], (1, 1), 1).unwrap();
    assert_eq!(grid.png(0).unwrap_err().to_string(), "`scale` is 0, expected at least 1");
    for scale in [1 << 19, usize::MAX] {
        let text = grid.svg(scale).unwrap_err().to_string();
        assert!(text.ends_with("expected one that makes at most 2^28 pixels"), "{text}");
    }
}
