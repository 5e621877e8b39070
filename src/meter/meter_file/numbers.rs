//! Numbers as people and programs of any country write them: `1234.5`, `1,234.5`, `1.234,5`, `1 234,5`, `1'234.5`.
//!
//! Which sign is the decimal one is found from all numbers of the file's columns together, since one writer wrote them:
//! `0.5` and `52,71` can be read in one way only. Numbers such as `1,200` can be read in two. Then, in this order:
//!
//! 1. what the user says;
//! 2. zeros: a program prints a fixed number of decimals or none in vain, so a `1,200` beside a `999` has a group of
//!    thousands; a program that groups does it always, so a `1,200` beside a `1800` has decimals;
//! 3. a file whose columns are separated by commas has decimal points;
//! 4. otherwise the file is refused.

use std::fmt;

/// The sign before the decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimal {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

impl Decimal {
    /// Both, with their names.
    pub const WORDS: [(&str, Decimal); 2] = [("point", Decimal::Point), ("comma", Decimal::Comma)];

    /// The one of this name.
    pub fn named(text: &str) -> Option<Decimal> {
        Decimal::WORDS.iter().find(|(word, _)| *word == text).map(|(_, decimal)| *decimal)
    }

    fn sign(self) -> char {
        match self {
            Decimal::Point => '.',
            Decimal::Comma => ',',
        }
    }

    /// The number that `text` is in this way of writing.
    pub(super) fn number(self, text: &str) -> Option<f64> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (sign, unsigned) = match mantissa.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => ("-", rest),
            None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, decimals) = unsigned.split_once(self.sign()).unwrap_or((unsigned, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let whole = ungrouped(whole, if self == Decimal::Point { ',' } else { '.' })?;
        if !are_digits(decimals) || (whole.is_empty() && decimals.is_empty()) {
            return None;
        }
        format!("{sign}0{whole}.{decimals}0e{exponent}").parse().ok().filter(|number: &f64| number.is_finite())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Decimal::Point { "point" } else { "comma" })
    }
}

/// The digits without the marks between thousands; none where those do not stand between thousands.
fn ungrouped(whole: &str, mark: char) -> Option<String> {
    let marks = [mark, ' ', '\u{a0}', '\u{202f}', '\'', '\u{2019}'];
    let Some(found) = whole.chars().find(|c| marks.contains(c)) else {
        return whole.bytes().all(|byte| byte.is_ascii_digit()).then(|| whole.to_owned());
    };
    let groups: Vec<&str> = whole.split(found).collect();
    let is_group = |(index, group): (usize, &&str)| {
        let is_long_enough = if index == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 };
        is_long_enough && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_grouped = !groups[0].starts_with('0') && groups.iter().enumerate().all(is_group);
    is_grouped.then(|| groups.concat())
}

/// How the numbers of a file are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Writing {
    pub(super) decimal: Decimal,
    /// A number that could have been read otherwise, where nothing but the separator of the columns speaks for this one.
    pub(super) assumed: Option<String>,
}

/// Finds how the numbers among `powers` and `others` are written, in columns separated by `separator`. What stands in vain
/// is seen among the powers alone: a program may write its times in another way.
///
/// # Errors
/// They are written in both ways, or nothing tells in which.
pub(super) fn writing<'a>(
    powers: impl Iterator<Item = &'a str>,
    others: impl Iterator<Item = &'a str>,
    separator: u8,
    told: Option<Decimal>,
) -> Result<Writing, String> {
    const FLAG: &str = "--meter-decimal point|comma tells";
    if let Some(decimal) = told {
        return Ok(Writing { decimal, assumed: None });
    }
    let (mut point, mut comma, mut either) = (None, None, None);
    let (mut has_plain, mut has_plain_thousands, mut has_zeros) = (false, false, false);
    for (text, is_power) in powers.map(|text| (text, true)).chain(others.map(|text| (text, false))) {
        match (Decimal::Point.number(text), Decimal::Comma.number(text)) {
            (Some(one), Some(other)) if one == other => {
                let is_plain = is_power && text.bytes().all(|byte| byte.is_ascii_digit());
                has_plain |= is_plain;
                has_plain_thousands |= is_plain && one.abs() >= 1000.0;
            }
            (Some(_), Some(_)) => {
                has_zeros |= is_power && text.ends_with('0');
                either.get_or_insert(text);
            }
            (Some(_), None) => _ = point.get_or_insert(text),
            (None, Some(_)) => _ = comma.get_or_insert(text),
            (None, None) => {}
        }
    }
    let sure = |decimal| Ok(Writing { decimal, assumed: None });
    match (point, comma, either) {
        (Some(point), Some(comma), _) => {
            Err(format!("`{point}` has a decimal point and `{comma}` a decimal comma; {FLAG} which of them is none"))
        }
        (Some(_), None, _) | (None, None, None) => sure(Decimal::Point),
        (None, Some(_), _) => sure(Decimal::Comma),
        (None, None, Some(text)) => {
            let (decimals, groups) = match text.contains(',') {
                true => (Decimal::Comma, Decimal::Point),
                false => (Decimal::Point, Decimal::Comma),
            };
            if has_plain_thousands {
                sure(decimals)
            } else if has_plain && has_zeros {
                sure(groups)
            } else if separator == b',' {
                Ok(Writing { decimal: Decimal::Point, assumed: Some(text.to_owned()) })
            } else {
                let two = [Decimal::Point, Decimal::Comma].map(|way| way.number(text).unwrap_or(f64::NAN));
                Err(format!("`{text}` may be {} or {}; {FLAG} which sign is before the decimals", two[0], two[1]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str], separator: u8) -> Option<Decimal> {
        writing(texts.iter().copied(), std::iter::empty(), separator, None).ok().map(|writing| writing.decimal)
    }

    #[test]
    fn a_number_is_read_as_it_is_written_and_not_otherwise() {
        for (text, point, comma) in [
            ("52.71", Some(52.71), None),
            ("52,71", None, Some(52.71)),
            ("1,200", Some(1200.0), Some(1.2)),
            ("1.234,5", None, Some(1234.5)),
            ("1,234,567.5", Some(1_234_567.5), None),
            ("1 234", Some(1234.0), Some(1234.0)),
            ("1'234.5", Some(1234.5), None),
            ("0,500", None, Some(0.5)),
            ("-.5", Some(-0.5), None),
            ("1e3", Some(1000.0), Some(1000.0)),
            ("12,34,5", None, None),
            ("1,200.5,3", None, None),
            ("nan", None, None),
            ("inf", None, None),
            ("", None, None),
            ("-", None, None),
            ("1e999", None, None),
        ] {
            assert_eq!((Decimal::Point.number(text), Decimal::Comma.number(text)), (point, comma), "{text:?}");
        }
    }

    #[test]
    fn the_decimal_sign_is_found_or_asked_for_and_never_guessed() {
        assert_eq!(found(&["0", "52,71", "1,200"], b';'), Some(Decimal::Comma), "one number tells of all");
        assert_eq!(found(&["0.5", "1,200"], b','), Some(Decimal::Point), "and so do the times");
        assert_eq!(found(&["999", "1,200", "1,150"], b';'), Some(Decimal::Point), "decimals in vain are none");
        assert_eq!(found(&["1800", "1,200"], b';'), Some(Decimal::Comma), "who groups does it always");
        assert_eq!(found(&["1,200", "1,300"], b','), Some(Decimal::Point), "columns in commas");
        assert_eq!(found(&["1,200", "1,300"], b';'), None, "1.2 or 1200");
        assert_eq!(found(&["57.30", "1,5"], b';'), None, "both");
        assert_eq!(found(&["1", "2"], b';'), Some(Decimal::Point), "it does not matter");
    }
}
