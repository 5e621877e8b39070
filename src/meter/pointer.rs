//! Finding a number in what a web server answers: a JSON pointer (RFC 6901), also into plain text.
//!
//! | answer | what the pointer goes through |
//! |---|---|
//! | a JSON object or list | its keys and places; `*` is every one |
//! | other text | its lines, and in a line its words: `/0/1` is the second word of the first line, `/power:/1` the second word of the line that begins with `power:` |
//!
//! A number may stand as a text (`"81.5"`), as Prometheus and Home Assistant have it. The empty pointer is the whole answer.

use serde_json::Value;

/// An answer as something to point into: JSON objects and lists as they are, other text as lines of words.
pub(super) fn document(body: &str, json: Option<Value>) -> Value {
    match json {
        Some(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => {
            let words = |line: &str| line.split_whitespace().map(Value::from).collect::<Vec<_>>();
            let lines: Vec<Vec<Value>> = body.lines().map(words).collect();
            match lines.as_slice() {
                [line] if line.len() == 1 => line[0].clone(),
                _ => lines.into_iter().map(Value::from).collect(),
            }
        }
    }
}

/// Whether a text can be a pointer.
pub(super) fn is_good(pointer: &str) -> bool {
    pointer.is_empty() || pointer.starts_with('/')
}

/// Whether two pointers may lead to the same number: `*` is every entry.
pub(super) fn meet(one: &str, two: &str) -> bool {
    let is_one = |(one, two): (&str, &str)| one == two || one == "*" || two == "*";
    one.split('/').count() == two.split('/').count() && one.split('/').zip(two.split('/')).all(is_one)
}

/// All that `pointer` leads to.
pub(super) fn find<'a>(document: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let mut found = vec![document];
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        found = found.into_iter().flat_map(|value| step(value, &token)).collect();
    }
    found
}

fn step<'a>(value: &'a Value, token: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(keys) if token == "*" => keys.values().collect(),
        Value::Object(keys) => keys.get(token).into_iter().collect(),
        Value::Array(list) if token == "*" => list.iter().collect(),
        Value::Array(list) => match token.parse::<usize>() {
            Ok(place) => list.get(place).into_iter().collect(),
            Err(_) => list.iter().filter(|line| line.get(0).and_then(Value::as_str) == Some(token)).collect(),
        },
        _ => Vec::new(),
    }
}

/// The number that a value is.
///
/// # Errors
/// What it is in place of a number.
pub(super) fn number(value: &Value) -> Result<f64, String> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite()).ok_or_else(|| {
        let said: String = value.to_string().chars().filter(|c| !c.is_control()).take(60).collect();
        format!("{said} is no number")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(body: &str, pointer: &str) -> Vec<Result<f64, String>> {
        let document = document(body, serde_json::from_str(body).ok());
        find(&document, pointer).into_iter().map(number).collect()
    }

    #[test]
    fn a_number_is_found_in_json_and_in_text() {
        assert_eq!(numbers(r#"{"a":[{"b/c":"81.5"}]}"#, "/a/0/b~1c"), [Ok(81.5)], "JSON, a text");
        assert_eq!(numbers("81.5\n", ""), [Ok(81.5)], "a bare number");
        assert_eq!(numbers("volts 230\npower: 81.5 W\n", "/power:/1"), [Ok(81.5)], "by the first word of its line");
        assert_eq!(numbers("volts 230\npower: 81.5 W\n", "/1/1"), [Ok(81.5)], "by its place");
        assert_eq!(numbers(r#"[[1,2],[3,4]]"#, "/*/1"), [Ok(2.0), Ok(4.0)], "every one");
    }

    #[test]
    fn two_pointers_meet_where_they_may_lead_to_the_same_number() {
        assert!(meet("/a/0/w", "/a/0/w") && meet("/a/*/w", "/a/0/w") && meet("", ""), "the same, or every one");
        assert!(!meet("/a/0/w", "/a/1/w") && !meet("/a", "/a/0") && !meet("/*/w", "/*/v"), "others");
    }

    #[test]
    fn what_is_not_there_is_nothing_and_what_is_no_number_says_so() {
        assert_eq!(numbers(r#"{"a":1}"#, "/b"), [], "no such key");
        assert_eq!(numbers(r#"{"a":1}"#, "/a/0"), [], "a number has no places");
        for body in [r#"{"a":null}"#, r#"{"a":"unavailable"}"#, r#"{"a":"NaN"}"#, r#"{"a":true}"#] {
            let why = numbers(body, "/a").remove(0).expect_err(body);
            assert!(why.ends_with("is no number"), "{body}: {why}");
        }
    }
}
