// attention_decode: one query of each head of each sequence over all keys in the cache, split over the sequence.
//
// out = softmax(SCALE q k^T) v. A workgroup takes the GROUP query heads of one key head past the keys, TILE at a time, with
// a running maximum and sum for each. With SPLITS over 1 so many workgroups share the keys of a head in turns of TILE;
// each leaves its weighted values as they are, with their maximum and sum, and attention_merge adds them up (Dao et al.,
// Flash-Decoding, 2023).
//
// Dispatch: key heads by sequences by SPLITS workgroups of TILE invocations.
// Twin: src/kernel/attention_decode.rs. Tolerance: 1e-5 by norm.

// Key heads.
override KEY_HEADS: u32;
// Query heads to a key head, up to 16.
override GROUP: u32;
// Size of a head, in vectors of 4.
override HEAD_4: u32;
// One over the square root of the size of a head.
override SCALE: f32;
// Lines of the cache for one sequence.
override CAPACITY: u32;
// Workgroups that share the keys of a head.
override SPLITS: u32;
// Keys in a step, and invocations.
override TILE: u32;

// The least finite f32, which stands for minus infinity: exp(LEAST - anything in use) is 0, never NaN.
const LEAST = -3.4028234e38;

// Keys of each sequence.
var<immediate> keys: u32;

// Sequences x query heads x head.
@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
// Sequences x CAPACITY x KEY_HEADS x head.
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
// Sequences x query heads x SPLITS x head: results where SPLITS is 1, sums of weighted values otherwise.
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
// Sequences x query heads x SPLITS: largest score and sum of weights.
@group(0) @binding(4) var<storage, read_write> part: array<vec2<f32>>;

// GROUP queries.
var<workgroup> sh_query: array<vec4<f32>, GROUP * HEAD_4>;
// Results so far: GROUP x HEAD_4.
var<workgroup> sh_out: array<vec4<f32>, GROUP * HEAD_4>;
// Scores, then weights: GROUP x TILE keys.
var<workgroup> sh_weight: array<f32, GROUP * TILE>;
// For each query the largest score so far, the sum of weights, and by how much this step scales what was there.
var<workgroup> sh_top: array<f32, GROUP>;
var<workgroup> sh_sum: array<f32, GROUP>;
var<workgroup> sh_shrink: array<f32, GROUP>;

// The scores of one key, which lies from k[i] on, with all queries of the group.
fn score(key: u32, i: u32, invocation: u32) {
    var sums = array<f32, 16>();
    if key < keys {
        for (var d = 0u; d < HEAD_4; d++) {
            let word = k[i + d];
            for (var h = 0u; h < GROUP; h++) {
                sums[h] += dot(sh_query[h * HEAD_4 + d], word);
            }
        }
    }
    for (var h = 0u; h < GROUP; h++) {
        sh_weight[h * TILE + invocation] = select(LEAST, sums[h] * SCALE, key < keys);
    }
}

// The largest score of one query so far.
fn raise(h: u32) {
    let top = sh_top[h];
    var higher = top;
    for (var n = 0u; n < TILE; n++) {
        higher = max(higher, sh_weight[h * TILE + n]);
    }
    sh_shrink[h] = exp(top - higher);
    sh_top[h] = higher;
}

// Adds the weighted values of a step, one vector of the head of one query to an invocation at a time.
fn gather(first: u32, line: u32, invocation: u32) {
    let count = min(TILE, keys - first);
    for (var n = invocation; n < GROUP * HEAD_4; n += TILE) {
        let h = n / HEAD_4;
        var sum = sh_out[n] * sh_shrink[h];
        var i = line * HEAD_4 + n % HEAD_4;
        for (var key = 0u; key < count; key++) {
            sum = fma(vec4(sh_weight[h * TILE + key]), v[i], sum);
            i += KEY_HEADS * HEAD_4;
        }
        sh_out[n] = sum;
    }
    if invocation < GROUP {
        var sum = sh_sum[invocation] * sh_shrink[invocation];
        for (var key = 0u; key < TILE; key++) {
            sum += sh_weight[invocation * TILE + key];
        }
        sh_sum[invocation] = sum;
    }
}

@compute @workgroup_size(TILE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let key_head = workgroup.x;
    let sequence = workgroup.y;
    let split = workgroup.z;
    let query = (sequence * KEY_HEADS + key_head) * GROUP;
    for (var n = invocation; n < GROUP * HEAD_4; n += TILE) {
        sh_query[n] = q[query * HEAD_4 + n];
        sh_out[n] = vec4<f32>();
    }
    if invocation < GROUP {
        sh_top[invocation] = LEAST;
        sh_sum[invocation] = 0.0;
    }
    workgroupBarrier();
    for (var first = split * TILE; first < keys; first += SPLITS * TILE) {
        let line = (sequence * CAPACITY + first) * KEY_HEADS + key_head;
        score(first + invocation, (line + invocation * KEY_HEADS) * HEAD_4, invocation);
        workgroupBarrier();
        if invocation < GROUP {
            raise(invocation);
        }
        workgroupBarrier();
        for (var h = 0u; h < GROUP; h++) {
            sh_weight[h * TILE + invocation] = exp(sh_weight[h * TILE + invocation] - sh_top[h]);
        }
        workgroupBarrier();
        gather(first, line, invocation);
        workgroupBarrier();
    }
    for (var n = invocation; n < GROUP * HEAD_4; n += TILE) {
        let h = n / HEAD_4;
        let at = ((query + h) * SPLITS + split) * HEAD_4 + n % HEAD_4;
        out[at] = select(sh_out[n], sh_out[n] / sh_sum[h], SPLITS == 1u);
    }
    if invocation < GROUP {
        part[(query + invocation) * SPLITS + split] = vec2(sh_top[invocation], sh_sum[invocation]);
    }
}
