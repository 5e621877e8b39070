//! Tests of the models: the header of a file, the network, the tokenizer, the store.
//!
//! | file | shows |
//! |---|---|
//! | `header` `mutation` | which files are refused and how, and that no bytes at all make the check panic or allocate |
//! | `safetensors` | the same for a file of the other format |
//! | `network` | the network against plain Rust (`reference`), in any pieces, quantised and not |
//! | `encoder` | the sentence encoder against plain Rust (`encoder_reference`), seeded and real |
//! | `vision` | the vision transformer against plain Rust, its counts, its provenance |
//! | `real` | the real weights: tokens, logits, probabilities; needs them in the store |
//! | `vocabulary` | the tokenizer that a file describes |
//! | `digits` | the classifier of digits: its figures, its logits, weights that are refused |
//! | `files` | the store and its sources |

mod allocation;
mod digits;
mod encoder;
mod encoder_reference;
mod files;
mod gguf_writer;
mod header;
mod mutation;
mod network;
mod real;
mod reference;
mod safetensors;
mod vision;
mod vocabulary;
