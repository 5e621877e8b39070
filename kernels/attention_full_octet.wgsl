// attention_full_octet: out = softmax(SCALE q k^T) v for every head of every sentence; each token sees the whole
// sentence; eight lanes share what they load of keys and values.
//
// For renderers with subgroups of eight or more lanes. A workgroup of eight takes 32 queries of one head of one sentence,
// four to a lane, past the keys, 16 at a time, with a running maximum and sum for each query (Dao, FlashAttention-2,
// 2023, algorithm 1). Each lane loads two keys, then two values, and hands them to the others. Nothing is waited for: what
// lies in workgroup memory belongs to one lane. A sentence has TOKENS rows, of which the first lengths[s] are seen; the
// others are padding. Rows past the end of a sentence are read as its last one, and are not written.
//
// Dispatch: TOKENS / 32, rounded up, by heads by sentences workgroups of 8 invocations.
// Twin: src/kernel/attention_full.rs. Tolerance: 1e-5 by norm.

// Rows of each sentence.
override TOKENS: u32;
// Heads.
override HEADS: u32;
// Padded size of a head, in vectors of 4.
override HEAD_4: u32;
// One over the square root of the size of a head.
override SCALE: f32;

// The least finite f32, which stands for minus infinity: exp(LEAST - anything in use) is 0, never NaN.
const LEAST = -3.4028234e38;
// Keys in a step.
const KEYS = 16u;

// sentences x TOKENS x 3 HEADS x head: all queries of a token, then its keys, then its values; a head is padded to 4.
@group(0) @binding(0) var<storage, read> qkv: array<vec4<f32>>;
// Tokens of each sentence, a whole number from 1 to TOKENS.
@group(0) @binding(1) var<storage, read> lengths: array<f32>;
// sentences x TOKENS x HEADS x head, padded alike.
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

// Results so far, HEAD_4 vectors of four queries for each lane.
var<workgroup> sh_out: array<vec4<f32>, 32u * HEAD_4>;

// Where part 0, 1 or 2 (query, key, value) of a token begins.
fn place(sentence: u32, token: u32, part: u32, head: u32) -> u32 {
    let row = sentence * TOKENS + min(token, TOKENS - 1u);
    return ((row * 3u + part) * HEADS + head) * HEAD_4;
}

// What four lanes from `lane` on have loaded, one to a column.
fn four(word: vec4<f32>, lane: u32) -> mat4x4<f32> {
    return mat4x4(
        subgroupShuffle(word, lane),
        subgroupShuffle(word, lane + 1u),
        subgroupShuffle(word, lane + 2u),
        subgroupShuffle(word, lane + 3u),
    );
}

// Scores of four keys from `key` on, one to a column; those past the end are not seen.
fn seen(scores: mat4x4<f32>, key: u32, length: u32) -> mat4x4<f32> {
    return mat4x4(
        select(vec4(LEAST), scores[0] * SCALE, key < length),
        select(vec4(LEAST), scores[1] * SCALE, key + 1u < length),
        select(vec4(LEAST), scores[2] * SCALE, key + 2u < length),
        select(vec4(LEAST), scores[3] * SCALE, key + 3u < length),
    );
}

fn highest(scores: mat4x4<f32>) -> vec4<f32> {
    return max(max(scores[0], scores[1]), max(scores[2], scores[3]));
}

fn weights(scores: mat4x4<f32>, top: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(exp(scores[0] - top), exp(scores[1] - top), exp(scores[2] - top), exp(scores[3] - top));
}

fn total(weights: mat4x4<f32>) -> vec4<f32> {
    return (weights[0] + weights[1]) + (weights[2] + weights[3]);
}

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) own: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let sentence = workgroup.z;
    let head = workgroup.y;
    let query = workgroup.x * 32u + 4u * own;
    let first = lane - lane % 8u;
    let length = clamp(u32(lengths[sentence]), 1u, TOKENS);
    let q0 = place(sentence, query, 0u, head);
    let q1 = place(sentence, query + 1u, 0u, head);
    let q2 = place(sentence, query + 2u, 0u, head);
    let q3 = place(sentence, query + 3u, 0u, head);
    for (var d = 0u; d < 4u * HEAD_4; d++) {
        sh_out[d * 8u + own] = vec4<f32>();
    }
    var top = vec4(LEAST);
    var sum = vec4<f32>();
    for (var key = 0u; key < length; key += KEYS) {
        let ka = place(sentence, key + own, 1u, head);
        let kb = place(sentence, key + 8u + own, 1u, head);
        // Sixteen keys, one to a column; four queries, one to a row.
        var s0 = mat4x4<f32>();
        var s1 = mat4x4<f32>();
        var s2 = mat4x4<f32>();
        var s3 = mat4x4<f32>();
        for (var d = 0u; d < HEAD_4; d++) {
            let queries = transpose(mat4x4(qkv[q0 + d], qkv[q1 + d], qkv[q2 + d], qkv[q3 + d]));
            let a = qkv[ka + d];
            let b = qkv[kb + d];
            s0 += queries * four(a, first);
            s1 += queries * four(a, first + 4u);
            s2 += queries * four(b, first);
            s3 += queries * four(b, first + 4u);
        }
        s0 = seen(s0, key, length);
        s1 = seen(s1, key + 4u, length);
        s2 = seen(s2, key + 8u, length);
        s3 = seen(s3, key + 12u, length);
        let higher = max(top, max(max(highest(s0), highest(s1)), max(highest(s2), highest(s3))));
        let shrink = exp(top - higher);
        let w0 = weights(s0, higher);
        let w1 = weights(s1, higher);
        let w2 = weights(s2, higher);
        let w3 = weights(s3, higher);
        sum = fma(sum, shrink, (total(w0) + total(w1)) + (total(w2) + total(w3)));
        top = higher;
        // One query to a column from here on.
        let t0 = transpose(w0);
        let t1 = transpose(w1);
        let t2 = transpose(w2);
        let t3 = transpose(w3);
        let va = place(sentence, key + own, 2u, head);
        let vb = place(sentence, key + 8u + own, 2u, head);
        for (var d = 0u; d < HEAD_4; d++) {
            let a = qkv[va + d];
            let b = qkv[vb + d];
            let gained = (four(a, first) * t0 + four(a, first + 4u) * t1) + (four(b, first) * t2 + four(b, first + 4u) * t3);
            let at = d * 32u + own;
            sh_out[at] = fma(sh_out[at], vec4(shrink.x), gained[0]);
            sh_out[at + 8u] = fma(sh_out[at + 8u], vec4(shrink.y), gained[1]);
            sh_out[at + 16u] = fma(sh_out[at + 16u], vec4(shrink.z), gained[2]);
            sh_out[at + 24u] = fma(sh_out[at + 24u], vec4(shrink.w), gained[3]);
        }
    }
    for (var n = 0u; n < 4u; n++) {
        if query + n < TOKENS {
            let to = ((sentence * TOKENS + query + n) * HEADS + head) * HEAD_4;
            for (var d = 0u; d < HEAD_4; d++) {
                out[to + d] = sh_out[d * 32u + n * 8u + own] / sum[n];
            }
        }
    }
}
