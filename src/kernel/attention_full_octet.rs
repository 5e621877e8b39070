//! Attention of whole sentences for renderers with subgroups of eight lanes or more: a workgroup of eight invocations
//! takes 32 queries, and they share what they load of keys and values.

use super::attention_full::TILE;
use super::{AttentionFull, Plan};
use crate::gpu::Wgsl;

/// Keys in a step.
const KEYS: u32 = 16;

/// How `attention_full_octet.wgsl` runs.
pub(super) fn plan(attention: &AttentionFull) -> Plan {
    let text = include_str!("../../kernels/attention_full_octet.wgsl");
    let source = Wgsl { file: "attention_full_octet.wgsl", text };
    // The results of every query; the way in and out, and for each step scores and values.
    attention
        .planned(source, |head| (16 * u64::from(TILE) * head, 8 * head + 4 + attention.steps(KEYS) * (1 + 2 * head)))
}
