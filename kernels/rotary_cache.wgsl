// rotary_cache: turns the heads of query and key by their position, and puts keys and values into the cache.
//
// Pairs of neighbours (x_2i, x_2i+1) of a head turn by the angle of pair i at the token's position (Su et al., RoFormer,
// 2021, equation 34; pairs interleaved, as files of the llama family keep them). Row s T + t of x is token t of
// sequence s; it stands at position first + t, in line (s CAPACITY + first + t) of the cache.
//
// Dispatch: one invocation for each vector of 4 of a row of x, workgroups of 64 along x, one row along y.
// Twin: src/kernel/rotary_cache.rs. Tolerance: 1e-5 by norm.

// Query heads.
override HEADS: u32;
// Key heads, and as many value heads.
override KEY_HEADS: u32;
// Size of a head, in vectors of 4.
override HEAD_4: u32;
// Words between two rows of x, in vectors of 4.
override STRIDE_4: u32;
// Lines of the cache for one sequence.
override CAPACITY: u32;

struct Place {
    // Position of the first token.
    first: u32,
    // The first sequence.
    sequence: u32,
    // T: tokens of each sequence.
    tokens: u32,
}

var<immediate> place: Place;

// rows x (HEADS + 2 KEY_HEADS) heads: queries, keys, values.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// Cosine and sine of two pairs for each position: positions x HEAD_4.
@group(0) @binding(1) var<storage, read> angle: array<vec4<f32>>;
// rows x HEADS heads.
@group(0) @binding(2) var<storage, read_write> q: array<vec4<f32>>;
// Sequences x CAPACITY x KEY_HEADS heads.
@group(0) @binding(3) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let i = invocation.x;
    let row = invocation.y;
    let queries = HEADS * HEAD_4;
    let keys = KEY_HEADS * HEAD_4;
    if i >= queries + 2u * keys {
        return;
    }
    let word = x[row * STRIDE_4 + i];
    let position = place.first + row % place.tokens;
    let line = (place.sequence + row / place.tokens) * CAPACITY + position;
    if i >= queries + keys {
        v[line * keys + i - queries - keys] = word;
        return;
    }
    let a = angle[position * HEAD_4 + i % HEAD_4];
    let turned = vec4(
        word.x * a.x - word.y * a.y,
        word.y * a.x + word.x * a.y,
        word.z * a.z - word.w * a.w,
        word.w * a.z + word.z * a.w,
    );
    if i < queries {
        q[row * queries + i] = turned;
    } else {
        k[line * keys + i - queries] = turned;
    }
}
