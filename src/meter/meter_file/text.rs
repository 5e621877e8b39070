//! The bytes of a meter's file as text: UTF-8 and UTF-16, with or without a mark in front, and Latin-1, in which some
//! loggers write degrees.

/// The text of a file.
///
/// # Errors
/// Bytes that no logger writes.
pub fn decode(bytes: &[u8]) -> Result<String, String> {
    let no_text = || "it is no text".to_owned();
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).map(str::to_owned).map_err(|_| no_text()),
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes).ok_or_else(no_text),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes).ok_or_else(no_text),
        // Without a mark: the first letter of a file of numbers is in ASCII, so its other byte is empty.
        [first, 0, ..] if *first != 0 => utf_16(bytes, u16::from_le_bytes).ok_or_else(no_text),
        [0, second, ..] if *second != 0 => utf_16(bytes, u16::from_be_bytes).ok_or_else(no_text),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) if text.contains('\0') => Err(no_text()),
            Ok(text) => Ok(text.to_owned()),
            Err(_) => latin_1(bytes).ok_or_else(no_text),
        },
    }
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).ok().filter(|text| odd.is_empty() && !text.contains('\0'))
}

/// Each byte is a letter; control codes are in no log.
fn latin_1(bytes: &[u8]) -> Option<String> {
    let is_written = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e | 0xa0..=0xff);
    bytes.iter().all(is_written).then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_is_read_in_every_coding() {
        let text = "time,power (W)\n0,5\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(&[0xef, 0xbb, 0xbf], text.as_bytes()),
            marked(&[0xff, 0xfe], &little),
            marked(&[0xfe, 0xff], &big),
            little.clone(),
            big.clone(),
        ] {
            assert_eq!(decode(&bytes).as_deref(), Ok(text), "{bytes:?}");
        }
        assert_eq!(decode(b"t,\xb0C\n").as_deref(), Ok("t,\u{b0}C\n"), "a degree in Latin-1");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bytes in [&[0x89, b'P', 0xff, 0, 1][..], &[0xff, 0xfe, 0x41], &[0, 0, 0, 0], &[0xff, 0xfe, 0, 0xd8]] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
