//! The tokenizer that a file describes, and the descriptions that are refused.

use crate::gguf_writer::{File, Key};
use crate::header::{TINY, open, tiny};

/// Gives the tiny file a vocabulary of 48: a control token, a few bytes and what merges make of them.
pub(crate) fn with_vocabulary(file: File) -> File {
    let mut tokens: Vec<String> =
        ["<|end|>", "a", "b", "c", "Ġ", "1", "2", "ab", "abc", "Ġa", "12"].map(str::to_owned).to_vec();
    tokens.extend((tokens.len()..TINY.vocabulary).map(|i| format!("<unused {i}>")));
    let kinds = (0..TINY.vocabulary as i32).map(|i| if i == 0 { 3 } else { 1 }).collect();
    let merges = ["a b", "ab c", "Ġ a", "1 2"].map(str::to_owned).to_vec();
    file.set("tokenizer.ggml.model", Key::Text("gpt2".to_owned()))
        .set("tokenizer.ggml.pre", Key::Text("gpt-2".to_owned()))
        .set("tokenizer.ggml.tokens", Key::Texts(tokens))
        .set("tokenizer.ggml.token_type", Key::I32s(kinds))
        .set("tokenizer.ggml.merges", Key::Texts(merges))
        .set("tokenizer.ggml.eos_token_id", Key::U32(0))
}

/// The tokens of a text, or why there are none. A model runs without a tokenizer.
fn tokens_of(file: &File, text: &str) -> Result<Vec<u32>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    std::fs::write(&path, file.bytes()).expect("written");
    let mut model = open(&path).expect("a model runs without a tokenizer");
    model.decode(1).expect("logits");
    match model.tokenizer() {
        Ok(tokenizer) => tokenizer.encode(text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn merges_apply_in_their_order_and_marks_are_whole() {
    let file = with_vocabulary(tiny());
    let cases: [(&str, &[u32]); 5] =
        [("abc", &[8]), ("abab", &[7, 7]), ("a a", &[1, 9]), ("ab<|end|>c", &[7, 0, 3]), ("12", &[10])];
    for (text, expected) in cases {
        assert_eq!(tokens_of(&file, text).expect("tokens"), expected, "{text:?}");
    }
}

#[test]
fn smollm_cuts_out_each_digit() {
    let file = with_vocabulary(tiny()).set("tokenizer.ggml.pre", Key::Text("smollm".to_owned()));
    assert_eq!(tokens_of(&file, "12").expect("tokens"), [5, 6], "no merge across digits");
    assert_eq!(tokens_of(&file, "abc").expect("tokens"), [8], "letters as before");
}

#[test]
fn a_vocabulary_that_is_not_built_is_named() {
    let text = |text: &str| Key::Text(text.to_owned());
    let texts = |text: &str| Key::Texts(vec![text.to_owned()]);
    let right = || with_vocabulary(tiny());
    let cases = [
        (tiny(), "`tokenizer.ggml.model` is missing"),
        (right().set("tokenizer.ggml.model", text("llama")), "\"llama\"; allowed: \"gpt2\""),
        (right().set("tokenizer.ggml.pre", text("qwen2")), "\"qwen2\"; allowed: \"smollm\" or \"gpt-2\""),
        (right().without("tokenizer.ggml.pre"), "`tokenizer.ggml.pre` is missing"),
        (right().set("tokenizer.ggml.merges", texts("ab")), "two pieces with a space between them"),
        (right().set("tokenizer.ggml.merges", texts("a z")), "tokenizer: "),
        (right().set("tokenizer.ggml.token_type", Key::I32s(vec![1])), "48, one for each token"),
        (right().set("tokenizer.ggml.token_type", Key::I32s(vec![-1; 48])), "whole numbers from 0"),
        (right().set("tokenizer.ggml.eos_token_id", Key::U32(48)), "from 0 to 47"),
    ];
    for (file, part) in cases {
        let message = tokens_of(&file, "abc").expect_err(part);
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}
