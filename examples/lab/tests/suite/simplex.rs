use lab::Simplex;
use lab::plot::PlotError;

use crate::picture::decode;

const CORNERS: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Place and colour of the dots of an SVG.
fn dots(svg: &str) -> Vec<(f64, f64, String)> {
    let attribute = |dot: &str, name: &str| {
        let (_, rest) = dot.split_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let dots = svg.split("<circle").skip(1);
    dots.map(|dot| {
        let place = |name: &str| attribute(dot, name).parse().unwrap();
        (place("cx"), place("cy"), attribute(dot, "fill"))
    })
    .collect()
}

/// Corners are as far from each other as they should be, and a sample is at the mean of the corners by its shares, in the
/// colour of the largest.
#[test]
fn law_a_sample_is_a_weighted_mean_of_corners() {
    let inside = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.05, 0.9, 0.05]];
    let all = CORNERS.into_iter().chain(inside);
    let svg = Simplex::new("t").panel("p", ["a", "b", "c"], all).svg().unwrap();
    let dots = dots(&svg);
    let [left, right, up] = [&dots[0], &dots[1], &dots[2]];
    assert!(left.0 < up.0 && up.0 < right.0 && left.1 == right.1 && up.1 < left.1, "{dots:?}");
    for (from, to) in [(left, right), (right, up), (up, left)] {
        let side = (from.0 - to.0).hypot(from.1 - to.1);
        // Places are whole pixels.
        assert!((side - 316.0).abs() < 1.5, "{side}");
    }
    for (shares, dot) in inside.iter().zip(&dots[3..]) {
        let mean = |of: fn(&(f64, f64, String)) -> f64| {
            shares.iter().zip(&dots).map(|(s, corner)| s * of(corner)).sum::<f64>()
        };
        assert!((mean(|d| d.0) - dot.0).abs() <= 1.0 && (mean(|d| d.1) - dot.1).abs() <= 1.0, "{dots:?}");
    }
    let colours: Vec<&str> = dots.iter().map(|dot| dot.2.as_str()).collect();
    let [a, b, c] = [colours[0], colours[1], colours[2]];
    assert!(a != b && b != c && c != a);
    assert_eq!(colours[3..], [c, a, b]);
}

/// Two panels a row; each with its title and the texts of its corners, within the picture.
#[test]
fn ref_small_multiples() {
    let panels = |n: usize| {
        (0..n).fold(Simplex::new("all of them"), |all, k| all.panel(format!("T = {k}"), ["a", "b", "c"], CORNERS))
    };
    for (n, rows) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
        let (width, height, pixels) = decode(&panels(n).png().unwrap());
        assert_eq!((width, height), (840, 44 + 380 * rows), "{n}");
        let svg = panels(n).svg().unwrap();
        assert!(svg.contains(&format!("width=\"{width}\" height=\"{height}\"")));
        assert!(svg.contains("all of them") && (0..n).all(|k| svg.contains(&format!("T = {k}\n"))), "{svg}");
        assert_eq!(svg.matches("<text").count(), 1 + 4 * n);
        let dots = dots(&svg);
        assert_eq!(dots.len(), 3 * n);
        for (k, corners) in dots.chunks(3).enumerate() {
            let (column, row) = ((k % 2) as f64, (k / 2) as f64);
            for (x, y, _) in corners {
                assert!((420.0 * column..420.0 * (column + 1.0)).contains(x), "{k}: {x}");
                assert!((44.0 + 380.0 * row..44.0 + 380.0 * (row + 1.0)).contains(y), "{k}: {y}");
                // The PNG has a dot at the same place: no grey, but of a colour.
                let at = 3 * (*y as usize * width + *x as usize);
                let (most, least) =
                    (pixels[at..at + 3].iter().max().unwrap(), pixels[at..at + 3].iter().min().unwrap());
                assert!(most - least > 40, "{k}: {:?}", &pixels[at..at + 3]);
            }
        }
    }
}

#[test]
fn hard_samples_that_are_none() {
    let none = [[f64::NAN, 0.5, 0.5], [-0.1, 0.6, 0.5], [0.5, 0.5, 0.5], [f64::INFINITY, 0.0, 0.0]];
    let svg = Simplex::new("t").panel("p", ["a", "b", "c"], none.into_iter().chain([[0.5, 0.25, 0.25]])).svg().unwrap();
    assert_eq!(dots(&svg).len(), 1);
    for empty in [Simplex::new("t"), Simplex::new("t").panel("p", ["a", "b", "c"], none)] {
        assert!(matches!(empty.svg(), Err(PlotError::Nothing { title }) if title == "t"));
        assert_eq!(empty.png().unwrap_err().to_string(), "the chart `t` has no finite point");
    }
    // Texts are escaped.
    let svg = Simplex::new("<a & b>").panel("p", ["a", "b", "c"], CORNERS).svg().unwrap();
    assert!(svg.contains("&lt;a &amp; b&gt;"));
}
