//! Values chosen by a word: each word stands here once; the key table, the reader and the CSV take it from here.

use super::cost::{BitPlanes, Groups, Mapping, Packing, Placement, Signs, TableAccess};
use super::pareto::{DropFrom, Figure};
use super::search::{ActivationSearch, Objective};
use crate::cost::price::Stages;
use crate::search::candidate::Method;
use super::point::{Clipping, Clustering, Compensation, DigitalLayers, OffsetRemoval, ReadNoiseModel, RowCut, Subtraction, WeightScale, WireTopology};

/// A value that is written as one of a few words.
pub trait Choice: Copy + PartialEq + Sized + 'static {
    /// The words, in the order they are shown.
    const WORDS: &'static [&'static str];
    /// What each word stands for.
    const VALUES: &'static [Self];

    /// The word of this value.
    fn word(self) -> &'static str {
        Self::VALUES.iter().zip(Self::WORDS).find(|(v, _)| **v == self).map_or("", |(_, w)| w)
    }
    /// The value of a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::VALUES.iter().zip(Self::WORDS).find(|(_, w)| **w == word).map(|(v, _)| *v)
    }
}

macro_rules! choice {
    ($type:ident: $($word:literal => $variant:ident),+) => {
        impl Choice for $type {
            const WORDS: &'static [&'static str] = &[$($word),+];
            const VALUES: &'static [Self] = &[$($type::$variant),+];
        }
    };
}

choice!(WeightScale: "per-layer" => PerLayer, "per-channel" => PerChannel);
choice!(Clipping: "mse" => Mse, "max" => Max);
choice!(RowCut: "block-aligned" => BlockAligned, "physical" => Physical);
choice!(Subtraction: "analog" => Analog, "digital" => Digital);
choice!(OffsetRemoval: "digital" => Digital, "unit-column" => UnitColumn);
choice!(DigitalLayers: "none" => None, "first" => First, "last" => Last, "first-and-last" => FirstAndLast);
choice!(Compensation: "none" => None, "gain" => Gain, "batchnorm" => Batchnorm);
choice!(Clustering: "none" => None, "rows" => Rows, "columns" => Columns);
choice!(ReadNoiseModel: "exact" => Exact, "flips" => Flips);
choice!(WireTopology: "plain" => Plain, "gated" => Gated);
choice!(Objective: "bits" => Bits, "ou-operations" => OuOperations, "energy_pj" => EnergyPj, "latency_ns" => LatencyNs);
// Of the methods, those that choose bits: a search can be asked for the network of either.
choice!(Method: "block-wise" => Block, "layer-wise" => Layer);
choice!(ActivationSearch: "keep" => Keep, "fewest" => Fewest);
choice!(Figure: "energy_pj" => Energy, "latency_ns" => Latency, "area_um2" => Area);
choice!(DropFrom: "quantised" => Quantised, "float" => Float);
choice!(Mapping: "conventional" => Conventional, "weight-within-ou" => WeightWithinOu, "precision-aware" => PrecisionAware);
choice!(Placement: "bit-aligned" => BitAligned, "packed" => Packed);
choice!(Signs: "not-counted" => NotCounted, "paired-analog" => PairedAnalog, "paired-digital" => PairedDigital, "offset-column" => OffsetColumn);
choice!(Groups: "diagonal" => Diagonal, "own-rows" => OwnRows, "dense" => Dense);
choice!(Packing: "none" => None, "shared" => Shared);
choice!(Stages: "overlap" => Overlap, "in-turn" => InTurn);
choice!(BitPlanes: "in-turn" => InTurn, "in-parallel" => InParallel);
choice!(TableAccess: "per-input-step" => PerInputStep, "per-position" => PerPosition);

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: Choice + std::fmt::Debug>() {
        assert_eq!(T::WORDS.len(), T::VALUES.len());
        for (word, value) in T::WORDS.iter().zip(T::VALUES) {
            assert_eq!(value.word(), *word);
            assert_eq!(T::from_word(word), Some(*value));
        }
        assert_eq!(T::from_word("nonsense"), None);
    }

    #[test]
    fn words_and_values_agree() {
        round_trip::<WeightScale>();
        round_trip::<Clipping>();
        round_trip::<RowCut>();
        round_trip::<Subtraction>();
        round_trip::<OffsetRemoval>();
        round_trip::<DigitalLayers>();
        round_trip::<Compensation>();
        round_trip::<Clustering>();
        round_trip::<ReadNoiseModel>();
        round_trip::<WireTopology>();
        round_trip::<Objective>();
        round_trip::<ActivationSearch>();
        round_trip::<Method>();
        round_trip::<Mapping>();
        round_trip::<Placement>();
        round_trip::<Signs>();
        round_trip::<Groups>();
        round_trip::<Packing>();
        round_trip::<BitPlanes>();
        round_trip::<TableAccess>();
        round_trip::<Stages>();
    }
}
