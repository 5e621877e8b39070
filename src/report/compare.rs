//! A saved `result.json` against the one that its journal gives, figure by figure.
//!
//! Figures that come from a solver agree within its tolerance on every machine; everything else is the same to the bit. Of a
//! page in an earlier format of the same major version the figures alone are compared, at the places that both have: words
//! may have been put better since, and more may be said.

use super::score::SOLVER_TOLERANCE;
use serde_json::Value;

/// Figures of the solver, and the figure that their tolerance is a share of.
const SOLVED: [(&str, &str); 6] = [
    ("/flight/oracle/work_s", "/flight/oracle/upper_s"),
    ("/flight/oracle/upper_s", "/flight/oracle/upper_s"),
    ("/flight/oracle/certificate_s", "/flight/oracle/upper_s"),
    ("/flight/score/oracle_s", "/flight/oracle/upper_s"),
    ("/flight/score/share_of_oracle", "/flight/score/share_of_oracle"),
    ("/flight/score/regret_s", "/flight/oracle/upper_s"),
];

/// The figures that differ, each with its place and by how much.
pub(super) fn differences(saved: &Value, computed: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk(String::new(), (saved, computed), computed, &mut lines);
    lines
}

/// The same of a page that was written in an earlier format: the figures alone, where both have them.
pub(super) fn figures(saved: &Value, computed: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk_figures(String::new(), (saved, computed), computed, &mut lines);
    lines
}

fn walk_figures(place: String, (saved, computed): (&Value, &Value), whole: &Value, lines: &mut Vec<String>) {
    match (saved, computed) {
        (Value::Object(one), Value::Object(two)) => {
            for (key, figure) in one {
                if let Some(other) = two.get(key) {
                    walk_figures(format!("{place}/{key}"), (figure, other), whole, lines);
                }
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, figures) in one.iter().zip(two).enumerate() {
                walk_figures(format!("{place}/{index}"), figures, whole, lines);
            }
        }
        figures if saved == computed || is_within(&place, figures, whole) => {}
        figures if has_figure(saved) || has_figure(computed) => lines.push(line(&place, figures)),
        _ => {}
    }
}

fn has_figure(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(values) => values.iter().any(has_figure),
        Value::Object(values) => values.values().any(has_figure),
        _ => false,
    }
}

fn walk(place: String, (saved, computed): (&Value, &Value), whole: &Value, lines: &mut Vec<String>) {
    match (saved, computed) {
        (Value::Object(one), Value::Object(two)) => {
            let of_two = two.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(of_two) {
                let figures = (one.get(key).unwrap_or(&Value::Null), two.get(key).unwrap_or(&Value::Null));
                match one.contains_key(key) == two.contains_key(key) {
                    true => walk(format!("{place}/{key}"), figures, whole, lines),
                    false => lines.push(line(&format!("{place}/{key}"), figures)),
                }
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, figures) in one.iter().zip(two).enumerate() {
                walk(format!("{place}/{index}"), figures, whole, lines);
            }
        }
        figures if saved == computed || is_within(&place, figures, whole) => {}
        figures => lines.push(line(&place, figures)),
    }
}

fn is_within(place: &str, (saved, computed): (&Value, &Value), whole: &Value) -> bool {
    let Some((_, of)) = SOLVED.iter().find(|(figure, _)| *figure == place) else { return false };
    let numbers = saved.as_f64().zip(computed.as_f64()).zip(whole.pointer(of).and_then(Value::as_f64));
    numbers.is_some_and(|((one, two), of)| (one - two).abs() <= SOLVER_TOLERANCE * of.abs())
}

fn line(place: &str, (saved, computed): (&Value, &Value)) -> String {
    let short = |value: &Value| {
        let text = value.to_string();
        if text.chars().count() > 60 { format!("{} ...", text.chars().take(56).collect::<String>()) } else { text }
    };
    let apart = saved.as_f64().zip(computed.as_f64()).map_or(String::new(), |(one, two)| {
        format!(", {:.3e} apart ({:.2e} of it)", one - two, (one - two).abs() / two.abs())
    });
    format!("{place} is {}, and the journal gives {}{apart}", short(saved), short(computed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(upper: f64, work: f64) -> Value {
        json!({ "flight": { "oracle": { "upper_s": upper }, "score": { "work_s": work }, "ticks": [1, 2] } })
    }

    #[test]
    fn figures_of_the_solver_may_differ_by_its_tolerance_and_others_not_at_all() {
        let computed = result(100.0, 90.0);
        assert!(differences(&result(100.000_09, 90.0), &computed).is_empty(), "within a millionth");
        let lines = differences(&result(100.000_2, 90.0), &computed);
        assert!(lines.len() == 1 && lines[0].starts_with("/flight/oracle/upper_s is 100.0002"), "{lines:?}");
        let lines = differences(&result(100.0, 90.000_001), &computed);
        assert!(
            lines.len() == 1 && lines[0].contains("/flight/score/work_s") && lines[0].contains("apart"),
            "{lines:?}"
        );
    }

    #[test]
    fn of_an_earlier_format_the_figures_alone_are_compared() {
        let mut saved = result(100.0, 90.0);
        saved["schema_version"] = json!("3.0.0");
        saved["notes"] = json!(["in other words", "two"]);
        let mut computed = result(100.0, 90.0);
        computed["schema_version"] = json!("3.1.0");
        computed["notes"] = json!(["in these words"]);
        computed["flight"]["more"] = json!(1.0);
        assert!(figures(&saved, &computed).is_empty(), "no figure differs: {:?}", figures(&saved, &computed));
        for (pointer, wrong) in
            [("/flight/score/work_s", json!(91.0)), ("/flight/ticks", json!([1])), ("/flight", json!(null))]
        {
            let mut other = saved.clone();
            *other.pointer_mut(pointer).expect("it is there") = wrong;
            let lines = figures(&other, &computed);
            assert!(lines.len() == 1 && lines[0].starts_with(pointer), "{pointer}: {lines:?}");
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let mut saved = result(100.0, 90.0);
        saved["flight"]["more"] = json!(null);
        saved["flight"]["ticks"] = json!([1]);
        let lines = differences(&saved, &result(100.0, 90.0)).join("; ");
        assert!(lines.contains("/flight/more") && lines.contains("/flight/ticks"), "{lines}");
    }
}
