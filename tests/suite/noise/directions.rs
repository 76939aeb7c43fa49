//! The table of direction numbers.

use estimand::noise::Sobol;

use crate::support::reference::table;

/// Point 2^(k - 1) is v_k: each number of the table, and those that follow from it, 32 a coordinate.
#[test]
fn ref_direction_numbers_are_scipys() {
    let net = Sobol::new(256).unwrap();
    let points: Vec<_> = (0..32).map(|k| net.point(1 << k)).collect();
    let rows = table("sobol.csv");
    assert_eq!(rows.len(), 256);
    for (j, row) in rows.iter().enumerate() {
        assert_eq!(row.number(0), Some((j + 1) as f64));
        for (k, m) in row.numbers::<32>(1).into_iter().enumerate() {
            assert_eq!(points[k][j], (m as u64) << (63 - k), "v_{} of coordinate {}", k + 1, j + 1);
        }
    }
}

/// What makes a table of direction numbers one, whoever made it: m_k is odd and below 2^k.
#[test]
fn law_direction_numbers_are_odd() {
    let net = Sobol::new(256).unwrap();
    for k in 0..32 {
        for word in net.point(1 << k) {
            assert_eq!(word.trailing_zeros(), 63 - k);
        }
    }
}

/// The rank of vectors of bits.
fn rank(mut rows: Vec<u64>) -> usize {
    let mut rank = 0;
    while let Some(pivot) = rows.pop() {
        if pivot == 0 {
            continue;
        }
        rank += 1;
        for row in &mut rows {
            if *row & (pivot & pivot.wrapping_neg()) != 0 {
                *row ^= pivot;
            }
        }
    }
    rank
}

/// Sobol's property A: of the first 2^d points in d coordinates one is in each corner of the cube that
/// halves make. It is what Joe and Kuo chose their numbers to have, in up to 1111 coordinates: the
/// first digits of v_1 ... v_d in coordinates 1 ... d are a matrix that has an inverse. Of a random
/// one 71 % have none, and numbers of the wrong coordinate fail: the twin.
#[test]
fn law_corners_of_the_cube_hold_one_point_each() {
    let net = Sobol::new(256).unwrap();
    let points: Vec<_> = (0..32).map(|k| net.point(1 << k)).collect();
    let corner = |coordinates: &[usize]| {
        let d = coordinates.len();
        rank((0..d).map(|k| (0..d).fold(0, |row, j| row | points[k][coordinates[j]] >> 63 << j)).collect())
    };
    for d in 1..=32 {
        assert_eq!(corner(&(0..d).collect::<Vec<_>>()), d, "{d} coordinates");
    }
    let mut twice: Vec<usize> = (0..32).collect();
    twice[31] = 30;
    assert_eq!(corner(&twice), 31);
}
