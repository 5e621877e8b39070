//! Every condition under which the result was made, key by key: the machine, the scale, the satellite.

use super::super::result::FlightResult;
use super::html::escape;
use serde_json::Value;

/// All of it, folded until somebody asks.
pub(super) fn conditions(result: &FlightResult) -> String {
    let parts = [
        ("The machine, as found", serde_json::to_value(&result.conditions)),
        ("The scale", serde_json::to_value(result.scale)),
        ("What was asked for, and the satellite", serde_json::to_value(&result.plan)),
        ("How late the meter is", serde_json::to_value(&result.identification)),
        ("What the meter itself took", serde_json::to_value(result.meter_cost)),
    ];
    let mut text = String::new();
    for (title, value) in parts {
        let value = value.expect("no map in a result has keys that are not strings");
        if !value.is_null() {
            text.push_str(&format!("<details>\n<summary>{title}</summary>\n{}</details>\n", shown(&value)));
        }
    }
    text
}

/// A value with all that it holds.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<i>none</i>".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => escape(text),
        Value::Array(items) if items.is_empty() => "<i>none</i>".into(),
        Value::Array(items) if items.iter().all(|item| item.is_number()) => {
            items.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => {
            format!(
                "<ol>\n{}</ol>\n",
                items.iter().map(|item| format!("<li>{}</li>\n", shown(item))).collect::<String>()
            )
        }
        Value::Object(keys) => {
            let pair = |(key, value): (&String, &Value)| {
                format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(key), shown(value))
            };
            format!("<dl class=\"terms\">\n{}</dl>\n", keys.iter().map(pair).collect::<String>())
        }
    }
}
