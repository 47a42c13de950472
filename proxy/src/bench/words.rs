//! Text for requests: no two the same, and yet the same in every run.

/// A stream of words that looks like text to a compressor, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Words(pub u64);

impl Words {
    /// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Appends exactly so many bytes.
    pub fn write(&mut self, text: &mut String, bytes: usize) {
        let end = text.len() + bytes;
        while text.len() < end {
            let word = usize::try_from(self.draw() >> 32).unwrap_or_default() % VOCABULARY.len();
            text.push_str(VOCABULARY.get(word).copied().unwrap_or_default());
            text.push(' ');
        }
        text.truncate(end);
    }
}

/// Words of one's own, each in ASCII.
const VOCABULARY: [&str; 96] = [
    "the",
    "a",
    "I",
    "you",
    "we",
    "flight",
    "booking",
    "ticket",
    "seat",
    "bag",
    "gate",
    "airport",
    "arrival",
    "departure",
    "delay",
    "refund",
    "credit",
    "card",
    "certificate",
    "payment",
    "policy",
    "insurance",
    "cabin",
    "economy",
    "business",
    "upgrade",
    "change",
    "cancel",
    "confirm",
    "please",
    "thanks",
    "sorry",
    "help",
    "today",
    "tomorrow",
    "morning",
    "evening",
    "May",
    "June",
    "Monday",
    "Friday",
    "Boston",
    "Denver",
    "Chicago",
    "Houston",
    "Seattle",
    "Phoenix",
    "Dallas",
    "Miami",
    "one",
    "two",
    "three",
    "four",
    "first",
    "last",
    "next",
    "same",
    "other",
    "any",
    "all",
    "from",
    "to",
    "for",
    "with",
    "without",
    "before",
    "after",
    "because",
    "if",
    "then",
    "not",
    "yes",
    "no",
    "can",
    "could",
    "would",
    "should",
    "must",
    "need",
    "want",
    "have",
    "has",
    "had",
    "is",
    "are",
    "was",
    "were",
    "be",
    "HAT136",
    "HAT229",
    "ZFA04Y",
    "NO6JO3",
    "gold",
    "silver",
    "regular",
    "member",
];
