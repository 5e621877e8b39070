//! Text to tokens and back, with the vocabulary and the merges that the model file itself carries.
//!
//! Byte-level byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909; over bytes: Radford et al. 2019). How text
//! is cut before the merges is named in the file by `tokenizer.ggml.pre`: `gpt-2` cuts with the pattern of GPT-2,
//! `smollm` cuts out each digit first. Other cuts are refused, since a wrong one gives wrong tokens without a sign.

use super::FileError;
use super::gguf::Header;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, decoders};

/// Why a model has no tokenizer, or a text no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// Seeded weights have no vocabulary.
    #[error("a model with seeded weights has no vocabulary; give it tokens by number")]
    NoVocabulary,
    /// A key of the file is missing or outside its range.
    #[error(transparent)]
    File(#[from] FileError),
    /// The tokenizer library refused what the file gave it, or could not encode.
    #[error("tokenizer: {0}")]
    Library(String),
}

/// The tokenizer of one model.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    vocabulary: usize,
    end: Option<u32>,
    has_chat_marks: bool,
}

/// Kinds of token in `tokenizer.ggml.token_type` that are not text (`enum llama_token_type`, llama.h): control.
const CONTROL: u64 = 3;

impl Tokenizer {
    /// Builds the tokenizer that a model file describes.
    ///
    /// # Errors
    /// A key is missing, or names something that is not built here.
    pub fn of(header: &Header) -> Result<Self, TokenizerError> {
        const MODEL: &str = "tokenizer.ggml.model";
        let library = |error: tokenizers::Error| TokenizerError::Library(error.to_string());
        let model = header.text(MODEL)?;
        if model != "gpt2" {
            return Err(header.refuse_key(MODEL, format!("{model:?}"), "\"gpt2\"".to_owned()).into());
        }
        let tokens = header.texts("tokenizer.ggml.tokens")?;
        let vocabulary: Vocab = tokens.iter().zip(0..).map(|(token, id)| ((*token).to_owned(), id)).collect();
        let builder = BPE::builder().vocab_and_merges(vocabulary, merges(header)?);
        let mut inner = tokenizers::Tokenizer::new(builder.build().map_err(library)?);
        inner.with_pre_tokenizer(Some(cut(header)?));
        inner.with_decoder(Some(decoders::byte_level::ByteLevel::default()));
        let control = control_tokens(header, &tokens)?;
        inner.add_special_tokens(control).map_err(library)?;
        let has_chat_marks = tokens.contains(&"<|im_start|>") && tokens.contains(&"<|im_end|>");
        let vocabulary = tokens.len();
        const END: &str = "tokenizer.ggml.eos_token_id";
        let end = match header.has(END) {
            true => Some(header.integer(END, 0..=vocabulary as u64 - 1)? as u32),
            false => None,
        };
        Ok(Self { inner, vocabulary, end, has_chat_marks })
    }

    /// The tokens of a text. Control tokens that stand in it (`<|im_start|>`) become one token each.
    ///
    /// # Errors
    /// The library refused the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.inner.encode_fast(text, false);
        Ok(encoding.map_err(|error| TokenizerError::Library(error.to_string()))?.get_ids().to_vec())
    }

    /// The text of some tokens; bytes that are no UTF-8 on their own show as the replacement character.
    ///
    /// # Errors
    /// A token is outside the vocabulary.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        if let Some(token) = tokens.iter().find(|token| **token as usize >= self.vocabulary) {
            let message = format!("token {token}; allowed: 0 to {}", self.vocabulary - 1);
            return Err(TokenizerError::Library(message));
        }
        self.inner.decode(tokens, false).map_err(|error| TokenizerError::Library(error.to_string()))
    }

    /// The tokens of one question to a chat model, up to where its answer starts.
    ///
    /// The form is the one that the file of SmolLM2-Instruct gives as `tokenizer.chat_template` (ChatML).
    ///
    /// # Errors
    /// The vocabulary has no marks for a chat.
    pub fn encode_chat(&self, system: &str, question: &str) -> Result<Vec<u32>, TokenizerError> {
        if !self.has_chat_marks {
            let message = "the vocabulary has no <|im_start|> and <|im_end|>; this is no chat model of that form";
            return Err(TokenizerError::Library(message.to_owned()));
        }
        self.encode(&format!(
            "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        ))
    }

    /// The token that ends an answer.
    pub fn end(&self) -> Option<u32> {
        self.end
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }
}

/// What SmolLM2-Instruct is told where nobody tells it anything (its `tokenizer.chat_template`).
pub const SMOLLM2_SYSTEM: &str = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

fn merges(header: &Header) -> Result<Vec<(String, String)>, TokenizerError> {
    const KEY: &str = "tokenizer.ggml.merges";
    let split = |merge: &str| {
        let (left, right) = merge.split_once(' ').ok_or_else(|| {
            header.refuse_key(KEY, format!("{merge:?}"), "two pieces with a space between them".to_owned())
        })?;
        Ok((left.to_owned(), right.to_owned()))
    };
    header.texts(KEY)?.into_iter().map(split).collect()
}

/// How text is cut before merging.
fn cut(header: &Header) -> Result<PreTokenizerWrapper, TokenizerError> {
    const KEY: &str = "tokenizer.ggml.pre";
    let bytes = ByteLevel::new(false, true, true);
    match header.text(KEY)? {
        "smollm" => Ok(Sequence::new(vec![Digits::new(true).into(), bytes.into()]).into()),
        "gpt-2" => Ok(bytes.into()),
        other => {
            let allowed = "\"smollm\" or \"gpt-2\"".to_owned();
            Err(header.refuse_key(KEY, format!("{other:?}"), allowed).into())
        }
    }
}

fn control_tokens(header: &Header, tokens: &[&str]) -> Result<Vec<AddedToken>, TokenizerError> {
    const KEY: &str = "tokenizer.ggml.token_type";
    if !header.has(KEY) {
        return Ok(Vec::new());
    }
    let kinds = header.integers(KEY)?;
    if kinds.len() != tokens.len() {
        let allowed = format!("{}, one for each token", tokens.len());
        return Err(header.refuse_key(KEY, format!("an array of {}", kinds.len()), allowed).into());
    }
    let control = tokens.iter().zip(kinds).filter(|(_, kind)| *kind == CONTROL);
    Ok(control.map(|(token, _)| AddedToken::from((*token).to_owned(), true)).collect())
}
