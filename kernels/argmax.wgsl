// argmax: for each row the number of its largest word, the first of equals; words that are NaN are passed over.
//
// The number is written twice: where the next step takes its token from, and into a history of all steps.
//
// Dispatch: one workgroup of 64 invocations for each row.
// Twin: src/kernel/argmax.rs. Tolerance: none, numbers are exact.

// Words of a row.
override COLUMNS: u32;
// Words between two rows.
override STRIDE: u32;

const LEAST = -3.4028234e38;
// Invocations.
const LANES = 64u;

struct Place {
    // Line of the history.
    line: u32,
    // Where in `token` and in the line the first row's number goes.
    slot: u32,
    // Numbers in a line.
    width: u32,
}

var<immediate> place: Place;

// rows x STRIDE.
@group(0) @binding(0) var<storage, read> x: array<f32>;
// One whole number for each row.
@group(0) @binding(1) var<storage, read_write> token: array<f32>;
// Lines of one whole number for each row.
@group(0) @binding(2) var<storage, read_write> history: array<f32>;

// The largest word that each invocation has seen, and where.
var<workgroup> sh_top: array<f32, 64>;
var<workgroup> sh_at: array<u32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    var top = LEAST;
    var at = 0u;
    for (var i = invocation; i < COLUMNS; i += LANES) {
        let word = x[workgroup.x * STRIDE + i];
        if word > top {
            top = word;
            at = i;
        }
    }
    sh_top[invocation] = top;
    sh_at[invocation] = at;
    workgroupBarrier();
    if invocation == 0u {
        for (var n = 1u; n < LANES; n++) {
            if sh_top[n] > top || (sh_top[n] == top && sh_at[n] < at && top > LEAST) {
                top = sh_top[n];
                at = sh_at[n];
            }
        }
        let slot = place.slot + workgroup.x;
        token[slot] = f32(at);
        history[place.line * place.width + slot] = f32(at);
    }
}
