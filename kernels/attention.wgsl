// attention: out = softmax(SCALE q k^T, causal) v for every head; a whole prompt at once (prefill).
//
// Query t stands at position first + t and sees the keys 0 to first + t. Query head h reads key head h / GROUP. A workgroup takes 32 queries of one head past
// the keys, 32 at a time, with a running maximum and sum for each query (Dao, FlashAttention-2, 2023, algorithm 1):
//   1. 32 x 32 scores, 4 x 4 to an invocation;
//   2. each query's new maximum and sum, scores become weights;
//   3. the values, weighted, are added to the results, 4 queries x 4 words to an invocation at a time.
//
// Dispatch: tokens / 32 by query heads workgroups of 64 invocations, tokens padded up.
// Twin: src/kernel/attention.rs. Tolerance: 1e-5 by norm.

// Query heads.
override HEADS: u32;
// Key heads.
override KEY_HEADS: u32;
// Query heads to a key head.
override GROUP: u32;
// Padded size of a head, in vectors of 4.
override HEAD_4: u32;
// One over the square root of the size of a head.
override SCALE: f32;

// The least finite f32, which stands for minus infinity: exp(LEAST - anything in use) is 0, never NaN.
const LEAST = -3.4028234e38;
// Queries in a workgroup, and keys in a step.
const TILE = 32u;

struct Place {
    // Position of the first query: keys before it are in the cache.
    first: u32,
    // Line of the cache in which the keys begin.
    line: u32,
}

var<immediate> place: Place;

// tokens x HEADS x head, padded to 32 tokens and 4 HEAD_4 words.
@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
// Lines x KEY_HEADS x head, padded alike; lines that no query sees may hold any finite words.
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
// As k.
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
// As q.
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

// Scores, then weights: 32 keys x 32 queries, four queries to a vector.
var<workgroup> sh_weight: array<vec4<f32>, 256>;
// Results so far: 32 queries x HEAD_4.
var<workgroup> sh_out: array<vec4<f32>, TILE * HEAD_4>;
// For each query the largest score so far, the sum of weights, and by how much this step scales what was there.
var<workgroup> sh_top: array<f32, 32>;
var<workgroup> sh_sum: array<f32, 32>;
var<workgroup> sh_shrink: array<f32, 32>;

// Four queries against one key: rows from q[i] on, each `stride` apart.
fn scores(i: u32, stride: u32, key: vec4<f32>, d: u32) -> vec4<f32> {
    return vec4(
        dot(q[i + d], key),
        dot(q[i + stride + d], key),
        dot(q[i + 2u * stride + d], key),
        dot(q[i + 3u * stride + d], key),
    );
}

// 1: the scores of four queries against four keys, of which a query sees none after itself.
fn score(query: u32, key: u32, head: u32, four_queries: u32, four_keys: u32) {
    let i = (query * HEADS + head) * HEAD_4;
    let j = ((place.line + key) * KEY_HEADS + head / GROUP) * HEAD_4;
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var d = 0u; d < HEAD_4; d++) {
        let step = KEY_HEADS * HEAD_4;
        s0 += scores(i, HEADS * HEAD_4, k[j + d], d);
        s1 += scores(i, HEADS * HEAD_4, k[j + step + d], d);
        s2 += scores(i, HEADS * HEAD_4, k[j + 2u * step + d], d);
        s3 += scores(i, HEADS * HEAD_4, k[j + 3u * step + d], d);
    }
    let queries = vec4(place.first + query) + vec4(0u, 1u, 2u, 3u);
    let at = 4u * four_keys * 8u + four_queries;
    sh_weight[at] = select(vec4(LEAST), s0 * SCALE, queries >= vec4(key));
    sh_weight[at + 8u] = select(vec4(LEAST), s1 * SCALE, queries >= vec4(key + 1u));
    sh_weight[at + 16u] = select(vec4(LEAST), s2 * SCALE, queries >= vec4(key + 2u));
    sh_weight[at + 24u] = select(vec4(LEAST), s3 * SCALE, queries >= vec4(key + 3u));
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
fn gather(key: u32, head: u32, four_queries: u32, first: u32) {
    let at = 4u * four_queries;
    for (var d = first; d < HEAD_4; d += 8u) {
        var o0 = sh_out[at * HEAD_4 + d] * sh_shrink[at];
        var o1 = sh_out[(at + 1u) * HEAD_4 + d] * sh_shrink[at + 1u];
        var o2 = sh_out[(at + 2u) * HEAD_4 + d] * sh_shrink[at + 2u];
        var o3 = sh_out[(at + 3u) * HEAD_4 + d] * sh_shrink[at + 3u];
        var j = ((place.line + key) * KEY_HEADS + head / GROUP) * HEAD_4 + d;
        for (var n = 0u; n < TILE; n++) {
            let value = v[j];
            let weight = sh_weight[n * 8u + four_queries];
            o0 = fma(vec4(weight.x), value, o0);
            o1 = fma(vec4(weight.y), value, o1);
            o2 = fma(vec4(weight.z), value, o2);
            o3 = fma(vec4(weight.w), value, o3);
            j += KEY_HEADS * HEAD_4;
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
    for (var key = 0u; key < place.first + query + TILE; key += TILE) {
        score(query + 4u * column, key + 4u * row, head, column, row);
        workgroupBarrier();
        if invocation < 8u {
            weigh(invocation);
        }
        workgroupBarrier();
        gather(key, head, row, column);
        workgroupBarrier();
    }
    for (var n = invocation; n < TILE * HEAD_4; n += 64u) {
        let at = n / HEAD_4;
        out[((query + at) * HEADS + head) * HEAD_4 + n % HEAD_4] = sh_out[n] / sh_sum[at];
    }
}
