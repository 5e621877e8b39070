// matmul_experts: y = x W_e^T, where each row of x goes to the experts e that a router has chosen for it.
//
// Row t has SLOTS experts, with weights g; their matrices lie in one, expert after expert. A feed-forward layer is two
// such products. Up (DOWN = 0): y[t, s] = silu(x[t] gate_e^T) (x[t] up_e^T), a row for each slot. Down (DOWN = 1):
// y[t] = residual[t] + sum over s of g[t, s] x[t, s] W_e^T, one row for all slots.
//
// SLICES times eight lanes take 32 rows of W, four to a lane, and each slice every SLICES-th block of 32 columns, as in
// matmul_split; one row of x at a time, since neighbours seldom have the same experts. Neighbouring workgroups have the
// same rows of W, so that those of tokens with the same expert meet in a GPU's cache.
//
// Where no binding holds all experts, each dispatch has some of them and leaves the rest to others: up writes the slots
// of its own, down adds to what the dispatch of the first experts has written.
//
// Dispatch: one workgroup of 8 x SLICES lanes for a row of y along x, by 32 rows of W along y, in rows of ROW, and z.
// Twin: src/kernel/matmul_experts.rs. Tolerance: 1e-5 by norm.

// How W is held: 0 f32, 1 f16, 2 eight bits and a scale, 3 four bits, a scale and a least value.
override FORMAT: u32;
// Blocks of 32 columns.
override BLOCKS: u32;
// Groups of 32 rows of one expert.
override GROUPS: u32;
// The first expert that is there, and how many are.
override FIRST: u32;
override COUNT: u32;
// Experts of a row.
override SLOTS: u32;
// Shares of the columns, a power of two.
override SLICES: u32;
// Workgroups along y; z continues where a row of them ends.
override ROW: u32;
// 0: up, where rows of W alternate between gate and up by two. 1: down.
override DOWN: u32;

// Up: rows x columns; down: rows x SLOTS x columns. Padded to 32 columns.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// W in groups of 32 rows by blocks of 32 columns; a block holds 4 x vectors x 8 lanes, the row being 4 lane + the first.
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;
// For each group, block and lane, for four rows: scale and least value, two f16 in a word.
@group(0) @binding(2) var<storage, read> scales: array<vec4<u32>>;
// rows x SLOTS pairs of an expert, a whole number, and its weight.
@group(0) @binding(3) var<storage, read> choice: array<vec2<f32>>;
// As y, where it is added; otherwise of any size.
@group(0) @binding(4) var<storage, read> residual: array<vec2<f32>>;
// Up: rows x SLOTS x half the rows of an expert; down: rows x the rows of an expert. Padded to whole groups.
@group(0) @binding(5) var<storage, read_write> y: array<vec2<f32>>;

// Sums of four rows of W of each slice and lane.
var<workgroup> sh_sum: array<vec4<f32>, SLICES * 8u>;

// Four columns that lie in four bits each from bit 0 of `q` on, one word for each row.
fn nibbles(q: vec4<u32>, scale: vec4<f32>, least: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(
        fma(vec4<f32>(q & vec4(15u)), scale, least),
        fma(vec4<f32>((q >> vec4(4u)) & vec4(15u)), scale, least),
        fma(vec4<f32>((q >> vec4(8u)) & vec4(15u)), scale, least),
        fma(vec4<f32>((q >> vec4(12u)) & vec4(15u)), scale, least),
    );
}

// Four columns that lie in the four bytes of `q`, signed, one word for each row.
fn bytes(q: vec4<u32>, scale: vec4<f32>) -> mat4x4<f32> {
    let s = bitcast<vec4<i32>>(q);
    return mat4x4(
        vec4<f32>((s << vec4(24u)) >> vec4(24u)) * scale,
        vec4<f32>((s << vec4(16u)) >> vec4(24u)) * scale,
        vec4<f32>((s << vec4(8u)) >> vec4(24u)) * scale,
        vec4<f32>(s >> vec4(24u)) * scale,
    );
}

// Two words of f16 of one row.
fn halves(q: vec2<u32>) -> vec4<f32> {
    return vec4(unpack2x16float(q.x), unpack2x16float(q.y));
}

// One block of the four rows of a lane, times the row of x whose vectors begin at `i`.
fn multiply_block(at: u32, lane: u32, i: u32) -> vec4<f32> {
    var sum: vec4<f32>;
    var scale: vec4<f32>;
    var least: vec4<f32>;
    if FORMAT >= 2u {
        let s = scales[at * 8u + lane];
        let a = unpack2x16float(s.x);
        let b = unpack2x16float(s.y);
        let c = unpack2x16float(s.z);
        let d = unpack2x16float(s.w);
        scale = vec4(a.x, b.x, c.x, d.x);
        least = vec4(a.y, b.y, c.y, d.y);
    }
    let vectors = 8u >> FORMAT;
    for (var v = 0u; v < vectors; v++) {
        let first = (at * 4u * vectors + v) * 8u + lane;
        let a = w[first];
        let b = w[first + 8u * vectors];
        let c = w[first + 16u * vectors];
        let d = w[first + 24u * vectors];
        let q = transpose_words(a, b, c, d);
        if FORMAT == 3u {
            for (var n = 0u; n < 4u; n++) {
                sum += nibbles(q[n], scale, least) * x[i + 2u * n];
                sum += nibbles(q[n] >> vec4(16u), scale, least) * x[i + 2u * n + 1u];
            }
        } else if FORMAT == 2u {
            for (var n = 0u; n < 4u; n++) {
                sum += bytes(q[n], scale) * x[i + 4u * v + n];
            }
        } else if FORMAT == 1u {
            sum += transpose(mat4x4(halves(a.xy), halves(b.xy), halves(c.xy), halves(d.xy))) * x[i + 2u * v];
            sum += transpose(mat4x4(halves(a.zw), halves(b.zw), halves(c.zw), halves(d.zw))) * x[i + 2u * v + 1u];
        } else {
            let rows = mat4x4(
                bitcast<vec4<f32>>(a),
                bitcast<vec4<f32>>(b),
                bitcast<vec4<f32>>(c),
                bitcast<vec4<f32>>(d),
            );
            sum += transpose(rows) * x[i + v];
        }
    }
    return sum;
}

// Word n of each of four rows.
fn transpose_words(a: vec4<u32>, b: vec4<u32>, c: vec4<u32>, d: vec4<u32>) -> array<vec4<u32>, 4> {
    return array(
        vec4(a.x, b.x, c.x, d.x),
        vec4(a.y, b.y, c.y, d.y),
        vec4(a.z, b.z, c.z, d.z),
        vec4(a.w, b.w, c.w, d.w),
    );
}

// The product with one expert: what this slice has of it; nothing where the expert is not here.
fn product(expert: u32, group: u32, slice: u32, lane: u32, row: u32) -> vec4<f32> {
    var sum: vec4<f32>;
    // An expert before the first wraps around, and is too large as well.
    let here = expert - FIRST;
    let blocks = select(0u, BLOCKS, here < COUNT);
    for (var block = slice; block < blocks; block += SLICES) {
        sum += multiply_block((here * GROUPS + group) * BLOCKS + block, lane, (row * BLOCKS + block) * 8u);
    }
    return sum;
}

// What becomes of the sums of a group.
fn finish(sum: vec4<f32>, row: u32, group: u32, lane: u32) {
    if DOWN == 0u {
        if u32(choice[row].x) - FIRST < COUNT {
            let gate = sum.xy;
            y[(row * GROUPS + group) * 8u + lane] = gate / (1.0 + exp(-gate)) * sum.zw;
        }
        return;
    }
    let i = ((row * GROUPS + group) * 8u + lane) * 2u;
    if FIRST == 0u {
        y[i] = residual[i] + sum.xy;
        y[i + 1u] = residual[i + 1u] + sum.zw;
    } else {
        y[i] += sum.xy;
        y[i + 1u] += sum.zw;
    }
}

@compute @workgroup_size(8, SLICES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let lane = local.x;
    let slice = local.y;
    let row = workgroup.x;
    let asked = workgroup.z * ROW + workgroup.y;
    // A workgroup too many computes the last group once more and keeps it to itself.
    let group = min(asked, GROUPS - 1u);
    var sum: vec4<f32>;
    if DOWN == 0u {
        sum = product(u32(choice[row].x), group, slice, lane, row / SLOTS);
    } else {
        for (var slot = 0u; slot < SLOTS; slot++) {
            let chosen = choice[row * SLOTS + slot];
            sum += chosen.y * product(u32(chosen.x), group, slice, lane, row * SLOTS + slot);
        }
    }
    if SLICES > 1u {
        sh_sum[slice * 8u + lane] = sum;
        workgroupBarrier();
        sum = vec4<f32>();
        for (var s = 0u; s < SLICES; s++) {
            sum += sh_sum[s * 8u + lane];
        }
    }
    if slice == 0u && asked == group {
        finish(sum, row, group, lane);
    }
}
