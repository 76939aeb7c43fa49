use std::collections::BTreeSet;

use lab::Chart;
use lab::plot::PlotError;

use crate::picture::decode;

fn chart(points: &[(f64, f64)]) -> Chart {
    Chart::new("Title & <more>", "updates", "ELBO, nats").line("train", points.iter().copied())
}

/// The pixels of exactly one colour in a chart as PNG.
fn pixels_of(chart: &Chart, colour: (u8, u8, u8)) -> Vec<(usize, usize)> {
    pixels_where(chart, |r, g, b| (r, g, b) == colour)
}

fn pixels_where(chart: &Chart, wanted: impl Fn(u8, u8, u8) -> bool) -> Vec<(usize, usize)> {
    let (width, height, bytes) = decode(&chart.png().unwrap());
    assert_eq!((width, height, bytes.len()), (840, 520, 3 * 840 * 520));
    let pixels = bytes.chunks(3).enumerate();
    pixels.filter(|(_, p)| wanted(p[0], p[1], p[2])).map(|(i, _)| (i % width, i / width)).collect()
}

/// The texts of an SVG, in the order in which they were drawn.
fn texts(svg: &str) -> Vec<&str> {
    let starts = svg.split("<text ").skip(1);
    starts
        .map(|text| {
            let (_, text) = text.split_once('>').unwrap();
            text.split_once("</text>").unwrap().0.trim()
        })
        .collect()
}

#[test]
fn ref_an_svg_says_all() {
    let points = [(0.0, -200.0), (1.0, -120.0), (2.0, -110.0)];
    let chart = chart(&points).line_in((1, 2, 3), "test", [(0.0, -190.0), (2.0, -115.0)]);
    let svg = chart.svg().unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    let texts = texts(&svg);
    for text in ["Title &amp; &lt;more&gt;", "updates", "ELBO, nats", "train", "test"] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    // Both axes bear numbers, as a person writes them.
    for tick in ["0", "1", "2", "-120", "-200"] {
        assert!(texts.contains(&tick), "{tick}: {texts:?}");
    }
    // Each colour: its line, the sample in the legend, and a dot a point.
    assert!(svg.matches("#0072B2").count() >= 1 + 1 + 3);
    assert!(svg.matches("#010203").count() >= 1 + 1 + 2);
}

#[test]
fn ref_a_png_shows_the_curves() {
    let red = (200, 0, 0);
    let rising = (0..50).map(|i| (f64::from(i), f64::from(i)));
    let drawn = pixels_of(&Chart::new("t", "x", "y").line_in(red, "r", rising), red);
    // A curve across the chart that rises to the right; the legend is where it is not.
    let (left, right) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
    assert!(right.0 - left.0 > 500, "{left:?} {right:?}");
    assert!(left.1 > right.1 + 250, "{left:?} {right:?}");
    // At the very left there is only the label of the axis, turned.
    let chart = chart(&[(0.0, 1.0), (1.0, 2.0)]);
    let dark = pixels_where(&chart, |r, g, b| r.max(g).max(b) < 128);
    let label: Vec<usize> = dark.into_iter().filter(|(x, _)| *x < 36).map(|(_, y)| y).collect();
    let length = label.iter().max().unwrap() - label.iter().min().unwrap();
    // 10 letters of about 7 pixels.
    assert!((55..90).contains(&length), "{length}");
}

/// The legend's sample of a single curve, by its place in the SVG, in each of four cases.
#[test]
fn law_the_legend_keeps_off_the_curves() {
    let line = |points: &[(f64, f64)]| Chart::new("t", "x", "y").line("name", points.iter().copied()).svg().unwrap();
    let corner = |svg: &str| -> (bool, bool) {
        let (before, _) = svg.rsplit_once("name\n").unwrap();
        let (_, text) = before.rsplit_once("<text ").unwrap();
        let number = |name: &str| -> u32 {
            let (_, rest) =
                text.split_once(&format!(" {name}=\"")).or_else(|| text.split_once(&format!("{name}=\""))).unwrap();
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        (number("x") > 420, number("y") < 260)
    };
    // A broken line through all corners but one.
    let (nw, ne, se, sw) = ((0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0));
    assert_eq!(corner(&line(&[nw, sw, se])), (true, true));
    assert_eq!(corner(&line(&[sw, nw, ne])), (true, false));
    assert_eq!(corner(&line(&[sw, se, ne])), (false, true));
    assert_eq!(corner(&line(&[nw, ne, se])), (false, false));
}

/// A line of little slope takes the same ink in every column, shared among the rows that it lies
/// between; without shades it would jump by a whole pixel.
#[test]
fn law_lines_are_smooth() {
    let rising = (0..=99).map(|i| (f64::from(i), f64::from(i) / 99.0));
    let chart = Chart::new("t", "x", "y").line_in((200, 0, 0), "r", rising);
    // The second line gives the axis its range, at the left end.
    let chart = chart.line("range", [(0.0, -10.0), (0.0, 10.0)]);
    let (width, _, bytes) = decode(&chart.png().unwrap());
    for x in 150..600 {
        let column = (200..300).map(|y| &bytes[3 * (y * width + x)..][..3]);
        let ink: i32 = column.map(|p| i32::from(p[0]) - i32::from(p[1])).sum();
        // 2.5 pixels of 200, and a rounding of each of at most 4 pixels.
        assert!((496..=504).contains(&ink), "{ink} in column {x}");
    }
}

#[test]
fn hard_points_that_leave_no_room() {
    for points in [
        &[(3.0, 7.0)][..],
        &[(0.0, 0.0)],
        &[(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)],
        &[(1e15, 1.0), (1e15 + 0.125, 1.0 + f64::EPSILON)],
        &[(-1e300, 1e300), (1e300, -1e300)],
        &[(0.0, 1e-320), (1e-320, 0.0)],
        &[(5.0, -1e-9), (6.0, 1e9)],
    ] {
        let chart = chart(points);
        let svg = chart.svg().unwrap();
        // The legend's line apart, every point has a dot inside the picture.
        let dots: Vec<_> = svg.split("<circle ").skip(1).collect();
        assert_eq!(dots.len(), points.len(), "{points:?}");
        for dot in dots {
            let number = |name: &str| -> i32 {
                let (_, rest) = dot.split_once(&format!("{name}=\"")).unwrap();
                rest.split_once('"').unwrap().0.parse().unwrap()
            };
            assert!((60..840).contains(&number("cx")), "{points:?}: {dot}");
            assert!((20..520).contains(&number("cy")), "{points:?}: {dot}");
        }
        assert!(!pixels_of(&chart, (0, 114, 178)).is_empty(), "{points:?}");
        // Ticks of the vertical axis, the only texts that end at their place, tell values apart.
        let ticks: Vec<_> = svg.split("<text ").filter(|text| text.contains("text-anchor=\"end\"")).collect();
        let labels: BTreeSet<_> = ticks.iter().map(|text| text.lines().nth(1)).collect();
        assert_eq!(labels.len(), ticks.len(), "{points:?}: {labels:?}");
        // Of numbers below 1e-16 the drawing library shows one tick only.
        let least = if points.contains(&(1e-320, 0.0)) { 1 } else { 3 };
        assert!(labels.len() >= least, "{points:?}: {labels:?}");
    }
}

#[test]
fn hard_points_that_are_none() {
    let gap = [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, f64::INFINITY), (4.0, 1.0), (5.0, 3.0)];
    let svg = chart(&gap).svg().unwrap();
    let lines = |svg: &str| {
        let all = svg.split("<polyline ").skip(1);
        all.filter(|line| line.split("/>").next().unwrap().contains("#0072B2")).count()
    };
    // Two pieces and the legend.
    assert_eq!(lines(&svg), 3);
    assert_eq!(lines(&chart(&gap[..2]).svg().unwrap()), 2);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");

    for chart in [chart(&[]), chart(&[(f64::NAN, 1.0)]), Chart::new("Title & <more>", "x", "y")] {
        let error = chart.svg().unwrap_err();
        assert!(matches!(error, PlotError::Nothing { .. }));
        assert_eq!(error.to_string(), "the chart `Title & <more>` has no finite point");
        assert!(matches!(chart.png(), Err(PlotError::Nothing { .. })));
    }
}

#[test]
fn ref_bands_dots_and_powers_of_ten() {
    let points = [(1.0, 1.0), (10.0, 2.0), (100.0, 1.0), (1000.0, 2.0)];
    let chart = Chart::new("t", "N", "y")
        .band_in((200, 0, 0), points.map(|(x, y)| (x, y - 1.0, y + 1.0)))
        .dots_in((0, 0, 200), "dots", points)
        .log_x();
    let svg = chart.svg().unwrap();
    let seen = texts(&svg);
    for tick in ["1", "10", "100", "1000"] {
        assert!(seen.contains(&tick), "{tick}: {seen:?}");
    }
    // Four dots, and one in the legend; no line of that colour; an area of the other.
    assert_eq!(svg.matches("<circle ").count(), 5);
    assert!(!svg.split("<polyline ").skip(1).any(|line| line.split("/>").next().unwrap().contains("#0000C8")));
    assert!(svg.contains("<polygon ") && svg.contains("#C80000"));
    // Powers of ten lie at equal distances.
    let places: Vec<i32> = svg
        .split("<circle ")
        .skip(1)
        .take(4)
        .map(|dot| dot.split_once("cx=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap())
        .collect();
    let steps: Vec<i32> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() <= 1) && steps[0] > 100, "{places:?}");
    // The shade: red mixed into white, over a large part of the picture.
    let shade = pixels_where(&chart, |r, g, b| r > 235 && r < 255 && g == b && g > 205 && g < 235);
    assert!(shade.len() > 50_000, "{}", shade.len());
    // The whole band is in sight, and nothing that has no logarithm.
    assert!(chart.clone().dots_in((1, 1, 1), "none", [(0.0, 5.0), (-1.0, 1e9)]).svg().is_ok());
    assert_eq!(chart.clone().dots_in((1, 1, 1), "none", [(-1.0, 1e9)]).svg().unwrap().matches("<circle ").count(), 6);
}

#[test]
fn ref_powers_of_ten_upwards() {
    let powers = [(0.0, 0.01), (1.0, 1.0), (2.0, 100.0), (3.0, 1e4)];
    let blue = (0, 0, 200);
    let chart = Chart::new("t", "x", "y").line_in(blue, "line", powers).dots_in(blue, "", powers).log_y();
    let svg = chart.svg().unwrap();
    let seen = texts(&svg);
    for tick in ["0.01", "0.1", "1", "10", "100", "1000", "10000"] {
        assert!(seen.contains(&tick), "{tick}: {seen:?}");
    }
    assert!(!seen.contains(&"0.0316") && !seen.contains(&"20"), "{seen:?}");
    // A straight line: equal steps down the picture.
    let places: Vec<i32> = svg
        .split("<circle ")
        .skip(1)
        .take(4)
        .map(|dot| dot.split_once("cy=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap())
        .collect();
    let steps: Vec<i32> = places.windows(2).map(|pair| pair[0] - pair[1]).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() <= 1) && steps[0] > 80, "{places:?}");
    // Few points are marked, and dotted once more; dots without a name have none in the legend.
    assert_eq!(svg.matches("<circle ").count(), 8);

    // Few powers are divided.
    let svg = Chart::new("t", "x", "y").line("line", [(0.0, 1.0), (1.0, 90.0)]).log_y().svg().unwrap();
    let seen = texts(&svg);
    for tick in ["1", "2", "5", "10", "20", "50"] {
        assert!(seen.contains(&tick), "{tick}: {seen:?}");
    }
    // What has no logarithm is left out, and a line breaks there.
    let gap = [(0.0, 1.0), (1.0, 2.0), (2.0, 0.0), (3.0, -4.0), (4.0, 1.0), (5.0, 3.0)];
    let svg = Chart::new("t", "x", "y").line("line", gap).log_y().svg().unwrap();
    let lines = svg.split("<polyline ").skip(1).filter(|line| line.split("/>").next().unwrap().contains("#0072B2"));
    assert_eq!(lines.count(), 3, "two pieces and the legend");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    let none = Chart::new("t", "x", "y").line("line", [(0.0, 0.0), (1.0, -1.0)]).log_y();
    assert!(matches!(none.svg(), Err(PlotError::Nothing { .. })));
}

/// A curve through all four corners: the axis goes down, and the legend is below its lowest point.
#[test]
fn law_the_legend_has_room_below() {
    let corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)];
    let svg = Chart::new("t", "x", "y").line("name", corners).svg().unwrap();
    let lowest = svg.split("<circle ").skip(1).map(|dot| number(dot, "cy")).max().unwrap();
    let (before, _) = svg.rsplit_once("name\n").unwrap();
    let legend = number(before.rsplit_once("<text ").unwrap().1, "y");
    // Half a letter is above the middle of the line.
    assert!(legend > lowest + 8, "{legend} {lowest}");
}

/// Without a name a line is drawn, and the legend does not know it.
#[test]
fn law_lines_without_a_name_are_not_in_the_legend() {
    let (blue, red) = ((0, 0, 200), (200, 0, 0));
    let rising = (0..30).map(|i| (f64::from(i), f64::from(i)));
    let named = Chart::new("t", "x", "y").line_in(blue, "name", rising.clone());
    let svg = |chart: &Chart| chart.svg().unwrap();
    let both = named.clone().line_in(red, "", rising);
    assert_eq!(svg(&both).matches("#C80000").count(), 1, "the line alone");
    assert_eq!(texts(&svg(&both)), texts(&svg(&named)));
}

/// An attribute of the first element.
fn number(svg: &str, name: &str) -> i32 {
    let (_, rest) = svg.split_once(&format!(" {name}=\"")).unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

/// A circle is one: its width and its height are equal, to a pixel in fifty.
#[test]
fn law_units_are_of_equal_length() {
    let corners = [(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)];
    let sides = |chart: Chart| {
        let svg = chart.dots_in((1, 1, 1), "corners", corners).svg().unwrap();
        let dots: Vec<_> =
            svg.split("<circle").skip(1).take(4).map(|dot| (number(dot, "cx"), number(dot, "cy"))).collect();
        (f64::from(dots[1].0 - dots[0].0), f64::from(dots[2].1 - dots[3].1))
    };
    let (wide, high) = sides(Chart::new("circle", "x", "y").equal_units());
    assert!(high > 100.0 && (wide / high - 1.0).abs() < 0.02, "{wide} {high}");
    let (wide, high) = sides(Chart::new("ellipse", "x", "y"));
    assert!(wide / high > 1.5, "{wide} {high}");
}

/// Ticks are sums of steps: the one at 0 says 0, not what the steps miss it by.
#[test]
fn hard_a_tick_at_zero() {
    for k in 0..40 {
        let (low, high) = (-0.37 - 0.013 * f64::from(k), 0.41 + 0.007 * f64::from(k));
        let svg = Chart::new("t", "x", "y").line("", [(0.0, low), (1.0, high)]).svg().unwrap();
        let labels = svg.split("<text ").filter_map(|text| text.lines().nth(1)).collect::<Vec<_>>();
        assert!(labels.contains(&"0") && labels.iter().all(|label| !label.contains("e-")), "{low}..{high}: {labels:?}");
    }
}
