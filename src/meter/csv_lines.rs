//! The lines of a CSV file that a person or a meter wrote: RFC 4180 with any separator, white space around fields, blank lines
//! and lines of remarks that begin with `#`.

use csv::{ReaderBuilder, StringRecord, Trim};

/// Most letters of a line that an error repeats.
const SHOWN_MAX: usize = 80;

/// One line that says something.
pub(super) struct CsvLine {
    /// Counted from 1 in the whole file; of fields that go over several lines the last.
    number: usize,
    /// As many as the line has.
    pub(super) fields: StringRecord,
}

impl CsvLine {
    /// A message on this line: its number, `why`, and what stands in it.
    pub(super) fn error(&self, why: &str) -> String {
        let text = self.fields.iter().collect::<Vec<_>>().join(",");
        format!("line {}: {why}: `{}`", self.number, text.chars().take(SHOWN_MAX).collect::<String>())
    }

    /// Counted from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

/// The lines of `text`, whose fields are separated by `separator`.
pub(super) fn csv_lines(text: &str, separator: u8) -> impl Iterator<Item = CsvLine> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    std::iter::from_fn(move || {
        let mut fields = StringRecord::new();
        let is_there = reader.read_record(&mut fields).expect("a text is UTF-8, and lines may have any length");
        // The reader's own number of a record is that of the blank lines and remarks before it.
        let end = reader.position();
        let is_past = (end.byte() as usize).checked_sub(1).is_some_and(|last| text.as_bytes()[last] == b'\n');
        is_there.then(|| CsvLine { number: end.line() as usize - usize::from(is_past), fields })
    })
    .filter(|line| match &line.fields[0] {
        "" => line.fields.len() > 1,
        first => !first.starts_with('#'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_as_an_editor_numbers_them() {
        for end in ["\n", "\r\n"] {
            let text = ["# a remark, \"with a quote", "a;b", "", "  ", "# more", " 1 ; 2 ", " # indented", "\"x;y\";z"];
            for text in [text.join(end), text.join(end) + end] {
                let lines: Vec<CsvLine> = csv_lines(&text, b';').collect();
                let numbers: Vec<usize> = lines.iter().map(CsvLine::number).collect();
                assert_eq!(numbers, [2, 6, 8], "of {text:?}");
                assert_eq!(lines[1].fields.iter().collect::<Vec<_>>(), ["1", "2"], "white space is no part of a field");
                assert_eq!(lines[2].fields.iter().collect::<Vec<_>>(), ["x;y", "z"], "a quoted separator");
            }
        }
        let broken: Vec<CsvLine> = csv_lines("a,\"b\nc,d\n", b',').collect();
        assert_eq!(broken.len(), 1, "a quote without an end is one line, and no panic");
    }
}
