//! Volumes of orders and storage places.

/// A volume, 1 to 10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume(u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be from 1 to 10000")]
pub struct VolumeError;

impl Volume {
    pub const LARGEST: Self = Self(10_000);

    pub fn new(volume: i64) -> Result<Self, VolumeError> {
        let volume = u16::try_from(volume).ok().filter(|volume| (1..=Self::LARGEST.0).contains(volume));
        volume.map(Self).ok_or(VolumeError)
    }

    /// Skips the check.
    pub(super) const fn constant(volume: u16) -> Self {
        Self(volume)
    }

    pub const fn get(self) -> i32 {
        self.0 as i32
    }
}
