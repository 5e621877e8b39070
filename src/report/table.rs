//! Tables and numbers for people.

/// Appends one line, as `println!` would.
macro_rules! line {
    ($text:ident, $($argument:tt)*) => {
        $text.push_str(&format!("{}\n", format_args!($($argument)*)))
    };
}

pub(super) use line;

/// A number with a decimal prefix and its unit: `21.3 GFLOP`.
pub(super) fn scaled(value: f64, unit: &str) -> String {
    let (divisor, prefix) = match value.abs() {
        large if large >= 1e12 => (1e12, "T"),
        large if large >= 1e9 => (1e9, "G"),
        large if large >= 1e6 => (1e6, "M"),
        large if large >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    format!("{:.2} {prefix}{unit}", value / divisor)
}

/// A Markdown table with aligned columns; numbers to the right.
pub(super) fn table<R: AsRef<[String]>>(text: &mut String, rows: &[R]) {
    let width = |column: usize| rows.iter().map(|row| row.as_ref()[column].chars().count()).max().unwrap_or(0);
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .as_ref()
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                let padding = " ".repeat(width(column) - cell.chars().count());
                if column < 2 { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
            })
            .collect();
        line!(text, "| {} |", cells.join(" | "));
        if number == 0 {
            let rule: Vec<String> = (0..cells.len()).map(|column| "-".repeat(width(column))).collect();
            line!(text, "| {} |", rule.join(" | "));
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_the_prefix_that_fits() {
        assert_eq!(scaled(2.13e10, "FLOP"), "21.30 GFLOP", "giga");
        assert_eq!(scaled(287.0, "token"), "287.00 token", "no prefix");
    }

    #[test]
    fn columns_line_up_whatever_they_hold() {
        let mut text = String::new();
        table(&mut text, &[["a", "b", "c"].map(str::to_owned), ["long", "±", "1"].map(str::to_owned)]);
        let widths: Vec<usize> = text.lines().filter(|row| !row.is_empty()).map(|row| row.chars().count()).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "every row is as wide as the next:\n{text}");
    }
}
