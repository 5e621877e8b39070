//! Text into HTML: what a flight names is text and stays text, whatever it holds.

use std::fmt::Display;

/// Text between tags or inside a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

/// A JSON document inside a `script` element: no `<` is left that could end it.
pub(super) fn embedded(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// Puts what `part` gives for each `{{name}}` of a template into its place. What was put in is not looked at again.
pub(super) fn fill(template: &str, part: impl Fn(&str) -> String) -> String {
    let mut page = String::with_capacity(2 * template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("a template closes what it opens");
        page.push_str(before);
        page.push_str(&part(name));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// A table whose columns from `numbers` on stand to the right; the first cell of a row names it. It scrolls on its own where
/// the window is narrow.
pub(super) fn table(caption: &str, numbers: usize, titles: &[&str], rows: &[Vec<String>]) -> String {
    let side = |column: usize| if column >= numbers { " class=\"number\"" } else { "" };
    let title = |(column, title): (usize, &&str)| format!("<th scope=\"col\"{}>{}</th>", side(column), escape(title));
    let head: String = titles.iter().enumerate().map(title).collect();
    let cell = |(column, cell): (usize, &String)| match column {
        0 => format!("<th scope=\"row\">{}</th>", escape(cell)),
        _ => format!("<td{}>{}</td>", side(column), escape(cell)),
    };
    let row = |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>());
    let body: String = rows.iter().map(row).collect();
    let caption = escape(caption);
    format!(
        "<h3>{caption}</h3>\n<section class=\"wide\" tabindex=\"0\" aria-label=\"{caption}\">\n<table>\n\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</section>\n"
    )
}

/// Names with what they hold.
pub(super) fn terms<N: Display, T: AsRef<str>>(pairs: &[(N, T)]) -> String {
    let pair = |(name, text): &(N, T)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(&name.to_string()), escape(text.as_ref()))
    };
    format!("<dl class=\"terms\">\n{}</dl>\n", pairs.iter().map(pair).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_template_is_not_filled_again() {
        let page = fill("<p>{{name}}</p>{{end}}", |part| if part == "name" { "{{end}}".into() } else { "!".into() });
        assert_eq!(page, "<p>{{end}}</p>!", "once");
    }

    #[test]
    fn no_text_can_leave_its_place() {
        assert_eq!(escape("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;", "between tags and in attributes");
        let json = embedded(&serde_json::json!({ "name": "</script><!--" }));
        assert!(!json.contains('<'), "in a script: {json}");
    }
}
