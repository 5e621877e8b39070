//! Text to tokens, as the `tokenizer.json` of a model describes it: WordPiece (Schuster and Nakajima 2012; Devlin et
//! al. 2018) with a mark at both ends.

use crate::model::TokenizerError;
use tokenizers::TruncationParams;

/// Longest `tokenizer.json`, bytes.
pub(super) const TOKENIZER_BYTES_MAX: u64 = 64 << 20;

/// The tokenizer of one encoder.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Out of the bytes of a `tokenizer.json`, for a table of `vocabulary` words and sentences of up to `length`
    /// tokens. Padding that the file asks for is left to whoever makes a batch.
    pub(super) fn of(json: &[u8], vocabulary: usize, length: usize) -> Result<Self, TokenizerError> {
        let library = |error: tokenizers::Error| TokenizerError::Library(error.to_string());
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(library)?;
        let words = inner.get_vocab_size(true);
        if words > vocabulary {
            let message = format!("{words} tokens; allowed: up to {vocabulary}, the vocabulary of the model");
            return Err(TokenizerError::Library(message));
        }
        inner.with_padding(None);
        let truncation = TruncationParams { max_length: length, ..TruncationParams::default() };
        inner.with_truncation(Some(truncation)).map_err(library)?;
        Ok(Self { inner })
    }

    /// The tokens of a sentence with its two marks, cut at the length of the model.
    ///
    /// # Errors
    /// The library refused the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.inner.encode_fast(text, true);
        Ok(encoding.map_err(|error| TokenizerError::Library(error.to_string()))?.get_ids().to_vec())
    }
}
