//! Matrix times matrix, C = A B in f32: a kernel for each kind of adapter, and the twin of all.
//!
//! On the device A is held by columns, as a BLAS operand that is marked transposed: a step in k then reads both
//! operands in whole vectors.

use super::packing::Memory;
use super::random::uniform;
use super::{
    Error, Kernel, Packing, Plan, Size, Unit, gemm_cooperative, gemm_half, gemm_octet, gemm_quad, gemm_registers,
    gemm_tiled, guard, spelled,
};
use crate::gpu::{Class, Facts, Wgsl};
use half::f16;
use rayon::prelude::*;

/// Which kernel multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(prefix = "gemm_", serialize_all = "snake_case")]
pub enum Tiling {
    /// `gemm_registers.wgsl`: tiles in registers alone.
    Registers,
    /// `gemm_quad.wgsl`: four lanes share what they load, from images.
    Quad,
    /// `gemm_octet.wgsl`: eight lanes share what they load, from images.
    Octet,
    /// `gemm_tiled.wgsl`: tiles in workgroup memory.
    #[strum(to_string = "tiled")]
    Workgroup,
    /// `gemm_half.wgsl`: tiles in workgroup memory, on operands in f16.
    Half,
    /// `gemm_cooperative.wgsl`: matrix units, on operands in f16.
    Cooperative,
}

impl Tiling {
    /// Every way to multiply.
    pub const ALL: [Tiling; 6] =
        [Tiling::Registers, Tiling::Quad, Tiling::Octet, Tiling::Workgroup, Tiling::Half, Tiling::Cooperative];

    /// The name of its kernel.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it computes what it should on this adapter.
    pub fn runs_on(self, facts: &Facts) -> bool {
        match self {
            Tiling::Registers | Tiling::Workgroup => true,
            Tiling::Quad => facts.features.subgroup,
            // Eight lanes must lie in one subgroup.
            Tiling::Octet => facts.features.subgroup && facts.subgroup_size_min >= 8,
            Tiling::Half => facts.features.f16,
            Tiling::Cooperative => gemm_cooperative::runs_on(facts),
        }
    }

    /// Whether its operands are in f16. A caller must choose that: it is no substitute for a product in f32.
    pub fn takes_f16(self) -> bool {
        matches!(self, Tiling::Half | Tiling::Cooperative)
    }

    /// The one in f16 for a GPU that has it.
    pub fn in_f16_of(facts: &Facts) -> Option<Tiling> {
        let best = [Tiling::Cooperative, Tiling::Half].into_iter().find(|tiling| tiling.runs_on(facts));
        best.filter(|_| facts.class == Class::Hardware)
    }

    /// Without a trial, the one in f32 for this kind of adapter, or for the CPU itself, where only the name is used.
    pub fn of(facts: Option<&Facts>) -> Tiling {
        match facts {
            Some(facts) if facts.class == Class::Hardware => Tiling::Workgroup,
            Some(facts) if Tiling::Octet.runs_on(facts) => Tiling::Octet,
            Some(facts) if Tiling::Quad.runs_on(facts) => Tiling::Quad,
            _ => Tiling::Registers,
        }
    }
}

/// A of `m` x `k` times B of `k` x `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gemm {
    pub(super) m: u32,
    pub(super) n: u32,
    pub(super) k: u32,
    tiling: Tiling,
}

impl Gemm {
    /// m, n, k.
    pub fn sizes(&self) -> [u32; 3] {
        [self.m, self.n, self.k]
    }

    /// The product of an `m` x `k` and a `k` x `n` matrix.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(m: u32, n: u32, k: u32, tiling: Tiling) -> Result<Gemm, Error> {
        guard("gemm", &[m, n, k], &[&[m, k], &[k, n], &[m, n]])?;
        Ok(Gemm { m, n, k, tiling })
    }

    /// 0.03, 2.1 and 17 GFLOP. On a large GPU 2048 gives 256 workgroups of 256 invocations, one wave.
    pub fn standard(size: Size, tiling: Tiling) -> Gemm {
        let side = size.pick(256, 1024, 2048);
        Gemm { m: side, n: side, k: side, tiling }
    }

    /// The plan of the kernels that read images, in panels of `tile_m` rows of A and `tile_n` columns of B, `tile_k`
    /// steps at a time.
    pub(super) fn reading_images(&self, source: Wgsl, [tile_m, tile_n, tile_k]: [u32; 3]) -> Plan {
        let a = Packing::padded(self.m, self.k, tile_m, tile_k).by_columns().in_panels(tile_m).held_in(Memory::Image);
        let b = Packing::padded(self.k, self.n, tile_k, tile_n).in_panels(tile_n).held_in(Memory::Image);
        let (m, n, k) = (a.padded_rows(), b.padded_columns(), b.padded_rows());
        Plan {
            source,
            constants: vec![("DEPTH", k.into()), ("COLUMNS_4", (n / 4).into())],
            inputs: vec![a, b],
            output: Packing::padded(self.m, self.n, tile_m, tile_n),
            workgroups: [n / tile_n, m / tile_m, 1],
            iterations: k / tile_k,
            ..Plan::default()
        }
    }

    /// The plan of the kernels that read buffers, with C padded to multiples of `tile_m` x `tile_n` and k of `tile_k`.
    pub(super) fn tiled(&self, source: Wgsl, [tile_m, tile_n, tile_k]: [u32; 3]) -> Plan {
        let a = Packing::padded(self.m, self.k, tile_m, tile_k).by_columns();
        let b = Packing::padded(self.k, self.n, tile_k, tile_n);
        let (m, n) = (a.padded_rows(), b.padded_columns());
        Plan {
            source,
            constants: vec![
                ("DEPTH", b.padded_rows().into()),
                ("ROWS_4", (m / 4).into()),
                ("COLUMNS_4", (n / 4).into()),
            ],
            inputs: vec![a, b],
            output: Packing::padded(self.m, self.n, tile_m, tile_n),
            workgroups: [n / tile_n, m / tile_m, 1],
            iterations: b.padded_rows(),
            ..Plan::default()
        }
    }
}

impl Kernel for Gemm {
    fn name(&self) -> &'static str {
        self.tiling.name()
    }

    /// m x n x k.
    fn shape(&self) -> String {
        spelled(&[self.m, self.n, self.k])
    }

    fn unit(&self) -> Unit {
        Unit::Flop
    }

    /// 2 m n k.
    fn flop(&self) -> u64 {
        2 * u64::from(self.m) * u64::from(self.n) * u64::from(self.k)
    }

    /// A and B in, C out; an f16 has two.
    fn bytes(&self) -> u64 {
        let [m, n, k] = [self.m, self.n, self.k].map(u64::from);
        let each = if self.tiling.takes_f16() { 2 } else { 4 };
        each * (m * k + k * n) + 4 * m * n
    }

    fn tolerance(&self) -> f64 {
        if self.tiling == Tiling::Cooperative { 1e-2 } else { 1e-5 }
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [m, n, k] = [self.m, self.n, self.k].map(|size| size as usize);
        let mut inputs = vec![uniform(seed, 0, m * k, -1.0, 1.0), uniform(seed, 1, k * n, -1.0, 1.0)];
        if self.tiling.takes_f16() {
            // Both sides compute with what f16 can hold.
            inputs.iter_mut().flatten().for_each(|word| *word = f16::from_f32(*word).to_f32());
        }
        inputs
    }

    fn output_len(&self) -> usize {
        self.m as usize * self.n as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [a, b] = inputs else { return };
        let rows = output.par_chunks_exact_mut(self.n as usize).zip(a.par_chunks_exact(self.k as usize));
        rows.for_each(|(c, a)| {
            c.fill(0.0);
            for (&a, b) in a.iter().zip(b.chunks_exact(self.n as usize)) {
                for (c, &b) in c.iter_mut().zip(b) {
                    *c += a * b;
                }
            }
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        match self.tiling {
            Tiling::Registers => gemm_registers::plan(self),
            Tiling::Quad => gemm_quad::plan(self),
            Tiling::Octet => gemm_octet::plan(self),
            Tiling::Workgroup => gemm_tiled::plan(self),
            Tiling::Half => gemm_half::plan(self),
            Tiling::Cooperative => gemm_cooperative::plan(self, facts),
        }
    }
}
