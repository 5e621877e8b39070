//! Writes GGUF files, right ones and, on request, wrong ones.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use dawndusk::model::Config;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// A value of the metadata.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    U32(u32),
    U64(u64),
    I32(i32),
    F32(f32),
    Truth(bool),
    Text(String),
    Texts(Vec<String>),
    I32s(Vec<i32>),
    /// The number of a type and the bytes of a value, whatever they are.
    Raw(u32, Vec<u8>),
}

/// A tensor with its bytes; sizes slowest first.
#[derive(Clone, Debug)]
pub(crate) struct TensorOut {
    pub(crate) name: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) data: Vec<u8>,
}

/// A file to write.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) version: u32,
    pub(crate) keys: Vec<(String, Key)>,
    pub(crate) tensors: Vec<TensorOut>,
    /// Padding of the data; written as a key only when `keys` has it.
    pub(crate) alignment: usize,
}

/// Weights by name, in f32: what the bytes of a file stand for.
pub(crate) type Values = BTreeMap<String, Vec<f32>>;

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn value(out: &mut Vec<u8>, key: &Key) {
    let number = |out: &mut Vec<u8>, kind: u32, bytes: &[u8]| {
        out.extend(kind.to_le_bytes());
        out.extend(bytes);
    };
    match key {
        Key::U32(v) => number(out, 4, &v.to_le_bytes()),
        Key::I32(v) => number(out, 5, &v.to_le_bytes()),
        Key::F32(v) => number(out, 6, &v.to_le_bytes()),
        Key::Truth(v) => number(out, 7, &[u8::from(*v)]),
        Key::U64(v) => number(out, 10, &v.to_le_bytes()),
        Key::Raw(kind, bytes) => number(out, *kind, bytes),
        Key::Text(v) => {
            number(out, 8, &[]);
            text(out, v);
        }
        Key::Texts(all) => {
            number(out, 9, &8_u32.to_le_bytes());
            out.extend((all.len() as u64).to_le_bytes());
            all.iter().for_each(|v| text(out, v));
        }
        Key::I32s(all) => {
            number(out, 9, &5_u32.to_le_bytes());
            out.extend((all.len() as u64).to_le_bytes());
            all.iter().for_each(|v| out.extend(v.to_le_bytes()));
        }
    }
}

impl File {
    pub(crate) fn empty() -> Self {
        Self { version: 3, keys: Vec::new(), tensors: Vec::new(), alignment: 32 }
    }

    /// Sets a key, in place of one of that name or behind the others.
    pub(crate) fn set(mut self, name: &str, key: Key) -> Self {
        match self.keys.iter_mut().find(|(known, _)| known == name) {
            Some(found) => found.1 = key,
            None => self.keys.push((name.to_owned(), key)),
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.keys.retain(|(known, _)| known != name);
        self.tensors.retain(|tensor| tensor.name != name);
        self
    }

    /// Where the data starts, and the whole file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        for (name, key) in &self.keys {
            text(&mut out, name);
            value(&mut out, key);
        }
        let mut offset = 0_u64;
        for tensor in &self.tensors {
            text(&mut out, &tensor.name);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            tensor.shape.iter().rev().for_each(|size| out.extend(size.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += tensor.data.len().next_multiple_of(self.alignment) as u64;
        }
        out.resize(out.len().next_multiple_of(self.alignment), 0);
        for tensor in &self.tensors {
            out.extend(&tensor.data);
            out.resize(out.len() + tensor.data.len().next_multiple_of(self.alignment) - tensor.data.len(), 0);
        }
        out
    }
}

/// The numbers of the types in a file.
fn number(kind: GgmlDType) -> u32 {
    match kind {
        GgmlDType::F32 => 0,
        GgmlDType::F16 => 1,
        GgmlDType::Q4_1 => 3,
        GgmlDType::Q8_0 => 8,
        GgmlDType::Q6K => 14,
        other => panic!("the writer has no number for {other:?}"),
    }
}

/// A network of this shape with random weights, its matrices of one type and its norms in f32; and what they stand for.
pub(crate) fn network(shape: &Config, kind: GgmlDType, seed: u64) -> (File, Values) {
    let mut file = File::empty();
    let sizes = [
        ("embedding_length", shape.hidden),
        ("attention.head_count", shape.heads),
        ("attention.head_count_kv", shape.kv_heads),
        ("attention.key_length", shape.head_size),
        ("rope.dimension_count", shape.head_size),
        ("feed_forward_length", shape.feed_forward),
        ("block_count", shape.layers),
        ("context_length", shape.context),
        ("vocab_size", shape.vocabulary),
    ];
    file = file.set("general.architecture", Key::Text("llama".to_owned()));
    for (name, size) in sizes {
        file = file.set(&format!("llama.{name}"), Key::U32(size as u32));
    }
    file = file.set("llama.rope.freq_base", Key::F32(shape.rope_base as f32));
    file = file.set("llama.attention.layer_norm_rms_epsilon", Key::F32(shape.norm_epsilon as f32));

    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut values = Values::new();
    for (name, sizes) in tensors(shape) {
        let count: usize = sizes.iter().product();
        let spread = if sizes.len() == 1 { 0.2 } else { (3.0 / sizes[1] as f32).sqrt() };
        let middle = if sizes.len() == 1 { 1.0 } else { 0.0 };
        let drawn: Vec<f32> = (0..count).map(|_| middle + spread * (2.0 * random.random::<f32>() - 1.0)).collect();
        let kind = if sizes.len() == 1 { GgmlDType::F32 } else { kind };
        let tensor = Tensor::from_vec(drawn, sizes.as_slice(), &Device::Cpu).expect("as many values as the shape has");
        let stored = QTensor::quantize(&tensor, kind).expect("columns are whole blocks");
        let decoded = stored.dequantize(&Device::Cpu).and_then(|t| t.flatten_all()?.to_vec1()).expect("plain values");
        values.insert(name.clone(), decoded);
        file.tensors.push(TensorOut {
            name,
            shape: sizes.iter().map(|size| *size as u64).collect(),
            kind: number(kind),
            data: stored.data().expect("the bytes").into_owned(),
        });
    }
    (file, values)
}

/// Names and sizes of all tensors of a shape.
fn tensors(shape: &Config) -> Vec<(String, Vec<usize>)> {
    let (queries, kv) = (shape.heads * shape.head_size, shape.kv_heads * shape.head_size);
    let mut all = vec![("token_embd.weight".to_owned(), vec![shape.vocabulary, shape.hidden])];
    for layer in 0..shape.layers {
        let parts = [
            ("attn_norm", vec![shape.hidden]),
            ("attn_q", vec![queries, shape.hidden]),
            ("attn_k", vec![kv, shape.hidden]),
            ("attn_v", vec![kv, shape.hidden]),
            ("attn_output", vec![shape.hidden, queries]),
            ("ffn_norm", vec![shape.hidden]),
            ("ffn_gate", vec![shape.feed_forward, shape.hidden]),
            ("ffn_up", vec![shape.feed_forward, shape.hidden]),
            ("ffn_down", vec![shape.hidden, shape.feed_forward]),
        ];
        all.extend(parts.map(|(part, sizes)| (format!("blk.{layer}.{part}.weight"), sizes)));
    }
    all.push(("output_norm.weight".to_owned(), vec![shape.hidden]));
    if !shape.tied_embedding {
        all.push(("output.weight".to_owned(), vec![shape.vocabulary, shape.hidden]));
    }
    all
}
