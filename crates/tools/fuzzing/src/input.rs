//! Decisions derived from arbitrary bytes. After the last byte, every decision is the first alternative, so shorter
//! inputs are simpler.

pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Returns a number below `count`, which is at most 65 536.
    pub fn below(&mut self, count: usize) -> usize {
        let number = if count <= 256 {
            usize::from(self.byte())
        } else {
            usize::from(self.byte()) << 8 | usize::from(self.byte())
        };
        number % count.max(1)
    }

    /// Returns true about once in `times` calls.
    pub fn once_in(&mut self, times: u8) -> bool {
        self.byte() % times == times - 1
    }

    pub fn pick<'b, T>(&mut self, of: &'b [T]) -> &'b T {
        &of[self.below(of.len())]
    }

    pub fn u64(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    pub fn u128(&mut self) -> u128 {
        u128::from(self.u64()) << 64 | u128::from(self.u64())
    }

    /// Returns the next bytes, at most 255.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Sometimes changes, truncates or replaces the bytes of a valid request.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        match self.byte() % 32 {
            31 => {
                bytes.clear();
                bytes.extend_from_slice(self.bytes());
            }
            30 => bytes.truncate(self.below(bytes.len() + 1)),
            29 => bytes.extend_from_slice(self.bytes()),
            27 | 28 if !bytes.is_empty() => {
                let place = self.below(bytes.len());
                bytes[place] ^= self.byte().max(1);
            }
            _ => {}
        }
    }
}
