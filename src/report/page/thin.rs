//! A long timeline with fewer rows: of each stretch those that hold a least or a greatest value of any curve, so that no peak
//! is lost, and the first and the last row.

use std::collections::BTreeSet;

/// Indices of the rows that are kept, in order: all where there are no more than `most`.
pub(super) fn kept(rows: usize, most: usize, curves: &[Vec<Option<f64>>]) -> Vec<usize> {
    if rows <= most {
        return (0..rows).collect();
    }
    let stretches = (most / (2 * curves.len().max(1))).max(1);
    let mut kept = BTreeSet::from([0, rows - 1]);
    for stretch in 0..stretches {
        let (begin, end) = (stretch * rows / stretches, (stretch + 1) * rows / stretches);
        for curve in curves {
            let known = || (begin..end).filter_map(|row| curve[row].map(|value| (row, value)));
            let by_value = |one: &(usize, f64), two: &(usize, f64)| one.1.total_cmp(&two.1);
            kept.extend(known().min_by(by_value).map(|(row, _)| row));
            kept.extend(known().max_by(by_value).map(|(row, _)| row));
        }
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_timeline_is_kept_whole() {
        assert_eq!(kept(3, 10, &[vec![Some(1.0); 3]]), [0, 1, 2], "every row");
    }

    #[test]
    fn no_peak_is_lost_and_the_rows_become_few() {
        let mut curve = vec![Some(0.0); 100_000];
        (curve[41_234], curve[77], curve[500]) = (Some(9.0), Some(-9.0), None);
        let rows = kept(curve.len(), 1000, &[curve.clone(), vec![None; 100_000]]);
        assert!(rows.contains(&41_234) && rows.contains(&77), "the highest and the lowest");
        assert!(rows.len() <= 1002 && rows.first() == Some(&0) && rows.last() == Some(&99_999), "{} rows", rows.len());
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "in order");
    }
}
