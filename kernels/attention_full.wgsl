// attention_full: out = softmax(SCALE q k^T) v for every head of every sentence; each token sees the whole sentence.
//
// A sentence has TOKENS rows, of which the first lengths[s] are seen; the others are padding. A workgroup takes 32
// queries of one head of one sentence past the keys, 32 at a time, with a running maximum and sum for each query (Dao,
// FlashAttention-2, 2023, algorithm 1):
//   1. 32 x 32 scores, 4 x 4 to an invocation;
//   2. each query's new maximum and sum, scores become weights;
//   3. the values, weighted, are added to the results, 4 queries x 4 words to an invocation at a time.
// Rows past the end of a sentence are read as its last one, and are not written.
//
// Dispatch: TOKENS / 32, rounded up, by heads by sentences workgroups of 64 invocations.
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
// Queries in a workgroup, and keys in a step.
const TILE = 32u;

// sentences x TOKENS x 3 HEADS x head: all queries of a token, then its keys, then its values; a head is padded to 4.
@group(0) @binding(0) var<storage, read> qkv: array<vec4<f32>>;
// Tokens of each sentence, a whole number from 1 to TOKENS.
@group(0) @binding(1) var<storage, read> lengths: array<f32>;
// sentences x TOKENS x HEADS x head, padded alike.
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

// Tokens of this sentence.
var<workgroup> sh_length: u32;
// Scores, then weights: 32 keys x 32 queries, four queries to a vector.
var<workgroup> sh_weight: array<vec4<f32>, 256>;
// Results so far: 32 queries x HEAD_4.
var<workgroup> sh_out: array<vec4<f32>, TILE * HEAD_4>;
// For each query the largest score so far, the sum of weights, and by how much this step scales what was there.
var<workgroup> sh_top: array<f32, 32>;
var<workgroup> sh_sum: array<f32, 32>;
var<workgroup> sh_shrink: array<f32, 32>;

// Where part 0, 1 or 2 (query, key, value) of a token begins.
fn place(sentence: u32, token: u32, part: u32, head: u32) -> u32 {
    let row = sentence * TOKENS + min(token, TOKENS - 1u);
    return ((row * 3u + part) * HEADS + head) * HEAD_4;
}

// 1: the scores of four queries against four keys, of which those past the end are not seen.
fn score(sentence: u32, query: u32, key: u32, head: u32, four_queries: u32, four_keys: u32, length: u32) {
    let q0 = place(sentence, query, 0u, head);
    let q1 = place(sentence, query + 1u, 0u, head);
    let q2 = place(sentence, query + 2u, 0u, head);
    let q3 = place(sentence, query + 3u, 0u, head);
    let k0 = place(sentence, key, 1u, head);
    let k1 = place(sentence, key + 1u, 1u, head);
    let k2 = place(sentence, key + 2u, 1u, head);
    let k3 = place(sentence, key + 3u, 1u, head);
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var d = 0u; d < HEAD_4; d++) {
        // Word i of each query in row i.
        let queries = transpose(mat4x4(qkv[q0 + d], qkv[q1 + d], qkv[q2 + d], qkv[q3 + d]));
        s0 += queries * qkv[k0 + d];
        s1 += queries * qkv[k1 + d];
        s2 += queries * qkv[k2 + d];
        s3 += queries * qkv[k3 + d];
    }
    let at = 4u * four_keys * 8u + four_queries;
    sh_weight[at] = select(vec4(LEAST), s0 * SCALE, key < length);
    sh_weight[at + 8u] = select(vec4(LEAST), s1 * SCALE, key + 1u < length);
    sh_weight[at + 16u] = select(vec4(LEAST), s2 * SCALE, key + 2u < length);
    sh_weight[at + 24u] = select(vec4(LEAST), s3 * SCALE, key + 3u < length);
}

// 2: scores of four queries become weights.
fn weigh(four_queries: u32) {
    let at = 4u * four_queries;
    let top = vec4(sh_top[at], sh_top[at + 1u], sh_top[at + 2u], sh_top[at + 3u]);
    var higher = top;
    for (var key = 0u; key < TILE; key++) {
        higher = max(higher, sh_weight[key * 8u + four_queries]);
    }
    let shrink = exp(top - higher);
    var sum = shrink * vec4(sh_sum[at], sh_sum[at + 1u], sh_sum[at + 2u], sh_sum[at + 3u]);
    for (var key = 0u; key < TILE; key++) {
        let weight = exp(sh_weight[key * 8u + four_queries] - higher);
        sh_weight[key * 8u + four_queries] = weight;
        sum += weight;
    }
    for (var n = 0u; n < 4u; n++) {
        sh_top[at + n] = higher[n];
        sh_sum[at + n] = sum[n];
        sh_shrink[at + n] = shrink[n];
    }
}

// 3: weighted values of all keys of the step, for four queries and each eighth vector of the head.
fn gather(sentence: u32, key: u32, head: u32, four_queries: u32, first: u32) {
    let at = 4u * four_queries;
    for (var d = first; d < HEAD_4; d += 8u) {
        var o0 = sh_out[at * HEAD_4 + d] * sh_shrink[at];
        var o1 = sh_out[(at + 1u) * HEAD_4 + d] * sh_shrink[at + 1u];
        var o2 = sh_out[(at + 2u) * HEAD_4 + d] * sh_shrink[at + 2u];
        var o3 = sh_out[(at + 3u) * HEAD_4 + d] * sh_shrink[at + 3u];
        for (var n = 0u; n < TILE; n++) {
            let value = qkv[place(sentence, key + n, 2u, head) + d];
            let weight = sh_weight[n * 8u + four_queries];
            o0 = fma(vec4(weight.x), value, o0);
            o1 = fma(vec4(weight.y), value, o1);
            o2 = fma(vec4(weight.z), value, o2);
            o3 = fma(vec4(weight.w), value, o3);
        }
        sh_out[at * HEAD_4 + d] = o0;
        sh_out[(at + 1u) * HEAD_4 + d] = o1;
        sh_out[(at + 2u) * HEAD_4 + d] = o2;
        sh_out[(at + 3u) * HEAD_4 + d] = o3;
    }
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let sentence = workgroup.z;
    let head = workgroup.y;
    let query = workgroup.x * TILE;
    let row = invocation / 8u;
    let column = invocation % 8u;
    for (var n = invocation; n < TILE * HEAD_4; n += 64u) {
        sh_out[n] = vec4<f32>();
    }
    if invocation < TILE {
        sh_top[invocation] = LEAST;
        sh_sum[invocation] = 0.0;
    }
    if invocation == 0u {
        sh_length = clamp(u32(lengths[sentence]), 1u, TOKENS);
    }
    let length = workgroupUniformLoad(&sh_length);
    for (var key = 0u; key < length; key += TILE) {
        score(sentence, query + 4u * column, key + 4u * row, head, column, row, length);
        workgroupBarrier();
        if invocation < 8u {
            weigh(invocation);
        }
        workgroupBarrier();
        gather(sentence, key, head, row, column);
        workgroupBarrier();
    }
    for (var n = invocation; n < TILE * HEAD_4; n += 64u) {
        let at = n / HEAD_4;
        if query + at < TOKENS {
            out[((sentence * TOKENS + query + at) * HEADS + head) * HEAD_4 + n % HEAD_4] = sh_out[n] / sh_sum[at];
        }
    }
}
