//! Which model files are refused, and that the message names the file, the place and the allowed range.

use crate::gguf_writer::{File, Key, network};
use candle_core::quantized::GgmlDType;
use dawndusk::model::gguf::Header;
use dawndusk::model::{Config, Device, Model, ModelChoice, Precision, Store};
use std::path::PathBuf;

pub(crate) const TINY: Config = Config {
    layers: 2,
    hidden: 32,
    heads: 4,
    kv_heads: 2,
    head_size: 8,
    feed_forward: 64,
    vocabulary: 48,
    context: 128,
    rope_base: 10_000.0,
    norm_epsilon: 1e-5,
    tied_embedding: true,
    experts: 0,
    experts_used: 0,
};

pub(crate) fn tiny() -> File {
    network(&TINY, GgmlDType::F32, 1).0
}

/// Opens a file with these bytes as a model, and gives the message of the refusal.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    std::fs::write(&path, bytes).expect("written");
    let message = open(&path).expect_err("a file that must be refused").to_string();
    assert!(message.contains("m.gguf"), "the file is not named: {message}");
    message
}

pub(crate) fn open(path: &std::path::Path) -> Result<Model, dawndusk::model::ModelError> {
    let store = Store::at(PathBuf::from("unused"));
    Model::open_in(&store, &ModelChoice::File(path.to_owned()), &Device::cpu(), Precision::F32)
}

#[track_caller]
fn refused(file: &File, parts: &[&str]) {
    let message = refusal(&file.bytes());
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn the_file_that_the_refused_ones_are_made_from_is_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    for alignment in [1, 32, 4096] {
        let mut file = tiny().set("general.alignment", Key::U32(alignment));
        file.alignment = alignment as usize;
        std::fs::write(&path, file.bytes()).expect("written");
        let model = open(&path).expect("a right file");
        assert_eq!(model.describe().shape.layers, 2, "alignment {alignment}");
    }
}

#[test]
fn what_is_no_model_file_is_called_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(folder.path()).expect_err("a directory").to_string();
    assert!(directory.contains("it is a directory"), "{directory}");
    let missing = open(&folder.path().join("none.gguf")).expect_err("nothing there").to_string();
    assert!(missing.contains("none.gguf"), "{missing}");
    assert!(refusal(b"").contains("it is empty"), "an empty file");
    assert!(refusal(b"Dear model,\n").contains("it starts with \"Dear mod\""), "a text");
    assert!(refusal(b"GG").contains("not a GGUF model file"), "two letters");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = tiny().bytes();
    let half = refusal(&whole[..whole.len() / 2]);
    assert!(half.contains("cut short") && half.contains("are left"), "{half}");
    for length in (0..whole.len() - 32).step_by(whole.len() / 97) {
        refusal(&whole[..length]);
    }
}

#[test]
fn versions_and_byte_orders_that_are_not_built_are_named() {
    for (version, part) in [(1_u32, "version 1;"), (4, "version 4;"), (3_u32.swap_bytes(), "a big-endian file")] {
        let mut file = tiny();
        file.version = version;
        refused(&file, &["byte 4", part, "versions 2 and 3"]);
    }
}

#[test]
fn an_alignment_is_a_power_of_two_up_to_a_mebibyte() {
    for (key, found) in [
        (Key::U32(0), ": 0;"),
        (Key::U32(3), ": 3;"),
        (Key::U32(1 << 21), "2097152"),
        (Key::U64(1 << 63), "9223372036854775808"),
        (Key::I32(-32), "not a whole number from 0"),
        (Key::F32(32.0), "not a whole number from 0"),
    ] {
        let parts = ["`general.alignment`", found, "a power of two from 1 to 1048576"];
        refused(&tiny().set("general.alignment", key), &parts);
    }
}

#[test]
fn counts_and_lengths_beyond_the_file_are_refused_before_anything_is_read() {
    let mut bytes = tiny().bytes();
    bytes[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(refusal(&bytes).contains("a header of 18446744073709551615 keys"), "the count of keys");
    let mut bytes = tiny().bytes();
    bytes[8..16].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    assert!(refusal(&bytes).contains("9223372036854775807 tensors"), "the count of tensors");

    let string = |length: u64| Key::Raw(8, length.to_le_bytes().to_vec());
    refused(&tiny().set("a", string(1 << 40)), &["key `a`", "a string of 1099511627776 bytes", "up to 1048576"]);
    refused(&tiny().set("a", string(1 << 20)), &["key `a`", "cut short"]);
    let array = |kind: u32, count: u64| Key::Raw(9, [&kind.to_le_bytes()[..], &count.to_le_bytes()].concat());
    refused(&tiny().set("a", array(4, 1 << 62)), &["key `a`", "an array of 4611686018427387904", "up to 16777216"]);
    refused(&tiny().set("a", array(4, 1 << 22)), &["key `a`", "cut short", "16777216 bytes"]);
    refused(&tiny().set("a", array(77, 1)), &["key `a`", "value type 77", "0 to 12"]);
    refused(&tiny().set("a", Key::Raw(99, Vec::new())), &["key `a`", "value type 99"]);
    refused(&tiny().set("a", Key::Raw(7, vec![2])), &["key `a`", "truth value 2", "0 or 1"]);
}

#[test]
fn arrays_nest_up_to_four_deep() {
    let nested = |depth: usize| {
        let mut bytes = Vec::new();
        for _ in 1..depth {
            bytes.extend([&9_u32.to_le_bytes()[..], &1_u64.to_le_bytes()].concat());
        }
        bytes.extend([&4_u32.to_le_bytes()[..], &1_u64.to_le_bytes(), &7_u32.to_le_bytes()].concat());
        Key::Raw(9, bytes)
    };
    refused(&tiny().set("a", nested(5)), &["key `a`", "arrays 5 deep", "up to 4"]);
    let bytes = tiny().set("a", nested(4)).bytes();
    let header = Header::read("m".as_ref(), &mut std::io::Cursor::new(bytes)).expect("four levels are allowed");
    assert!(header.has("a"), "the key is kept");
}

#[test]
fn names_are_given_once_and_are_not_empty() {
    let mut file = tiny();
    file.keys.push(("llama.block_count".to_owned(), Key::U32(2)));
    refused(&file, &["key `llama.block_count`", "given twice"]);
    let mut file = tiny();
    file.tensors.push(file.tensors[3].clone());
    refused(&file, &["tensor `blk.0.attn_k.weight`", "given twice"]);
    refused(&tiny().set("", Key::U32(2)), &["an empty name"]);
}

#[test]
fn tensors_lie_inside_the_file_with_sizes_that_multiply() {
    let with = |shape: &[u64], kind: u32| {
        let mut file = tiny();
        file.tensors[1].shape = shape.to_vec();
        file.tensors[1].kind = kind;
        file
    };
    let name = "tensor `blk.0.attn_norm.weight`";
    refused(&with(&[], 0), &[name, "0 dimensions", "1 to 4"]);
    refused(&with(&[1, 1, 1, 1, 32], 0), &[name, "5 dimensions"]);
    refused(&with(&[0], 0), &[name, "sizes [0]", "from 1"]);
    refused(&with(&[33], 8), &[name, "a multiple of 32"]);
    refused(&with(&[1 << 40, 1 << 40], 0), &[name, "below 2^64"]);
    refused(&with(&[1 << 62], 0), &[name, "below 2^64"]);
    refused(&with(&[1 << 60], 0), &[name, "cut short"]);
    refused(&with(&[32], 4), &[name, "tensor type 4"]);
    refused(&with(&[64], 0), &["it lies over tensor `blk.0.attn_norm.weight`", "tensors that lie apart"]);
}

#[test]
fn missing_keys_and_tensors_are_named() {
    for key in ["general.architecture", "llama.block_count", "llama.attention.layer_norm_rms_epsilon"] {
        refused(&tiny().without(key), &[&format!("the key `{key}` is missing"), "needed:"]);
    }
    for tensor in ["token_embd.weight", "output_norm.weight", "blk.1.ffn_down.weight"] {
        refused(&tiny().without(tensor), &[&format!("tensor `{tensor}`"), "missing"]);
    }
}

#[test]
fn values_outside_their_range_are_refused_with_the_range() {
    let llama = |key: &str, value: Key| tiny().set(&format!("llama.{key}"), value);
    refused(&tiny().set("general.architecture", Key::Text("bert".to_owned())), &["\"bert\"", "allowed: \"llama\""]);
    refused(&tiny().set("general.architecture", Key::U32(1)), &["a UTF-8 string"]);
    refused(&llama("rope.freq_base", Key::F32(f32::NAN)), &["llama.rope.freq_base", "NaN", "above 1 and not above"]);
    refused(&llama("rope.freq_base", Key::F32(f32::INFINITY)), &["llama.rope.freq_base", "inf"]);
    refused(&llama("attention.layer_norm_rms_epsilon", Key::F32(-1.0)), &["rms_epsilon", "-1"]);
    refused(&llama("block_count", Key::U32(0)), &["llama.block_count", "1 to 1024"]);
    refused(&llama("block_count", Key::U64(1 << 40)), &["llama.block_count", "1 to 1024"]);
    refused(&llama("block_count", Key::I32(-2)), &["llama.block_count", "-2"]);
    refused(&llama("block_count", Key::Truth(true)), &["llama.block_count", "true"]);
    refused(&llama("attention.head_count_kv", Key::U32(3)), &["a divisor of the 4 heads"]);
    refused(&llama("attention.key_length", Key::U32(7)), &["even size"]);
    refused(&llama("rope.dimension_count", Key::U32(4)), &["the head size, 8"]);
    refused(&llama("expert_count", Key::U32(8)), &["llama.expert_count", "from 0 to 0"]);
    refused(&llama("rope.scaling.type", Key::Text("yarn".to_owned())), &["\"yarn\"", "\"none\""]);
    refused(&llama("embedding_length", Key::U32(64)), &["tensor `", "sizes [48, 32]", "[48, 64]"]);
}

#[test]
fn vocabularies_that_disagree_are_refused() {
    refused(&tiny().set("llama.vocab_size", Key::U32(49)), &["llama.vocab_size", "49", "48, the rows of"]);
    let tokens = Key::Texts((0..47).map(|i| format!("t{i}")).collect());
    refused(&tiny().set("tokenizer.ggml.tokens", tokens), &["tokenizer.ggml.tokens", "47", "48, the rows of"]);
}

#[test]
fn a_tensor_that_the_network_would_not_use_is_refused() {
    for name in ["rope_freqs.weight", "blk.0.attn_q.bias", "blk.2.attn_q.weight", "blk.x.attn_q.weight"] {
        let mut file = tiny();
        file.tensors[1].name = name.to_owned();
        refused(&file, &[&format!("tensor `{name}`"), "not part of this network", "2 layers"]);
    }
}

#[test]
fn a_header_longer_than_the_first_window_is_read_on() {
    let long = Key::Texts((0..400_000).map(|i| format!("token number {i}")).collect());
    let bytes = tiny().set("a.long", long).bytes();
    assert!(bytes.len() > 8 << 20, "longer than the first window");
    let header = Header::read("m".as_ref(), &mut std::io::Cursor::new(bytes)).expect("a right header");
    assert_eq!(header.texts("a.long").expect("the array")[399_999], "token number 399999", "the last element");
}
