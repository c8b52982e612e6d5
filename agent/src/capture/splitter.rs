//! Bytes without end to frames. Pure: raw frames by their size, JPEGs by their segments (ITU-T T.81, annex B), so that
//! a thumbnail inside a segment neither begins nor ends a frame.

use super::pixel::{Layout, PixelFormat};

/// Room for what a JPEG says besides its picture: profiles, thumbnails, comments.
const JPEG_EXTRAS_BYTES: usize = 1 << 20;
/// A JPEG of noise at the best quality is smaller than this.
const JPEG_BYTES_PER_PIXEL: usize = 4;

/// What was found in the bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole frame.
    Frame {
        /// Its bytes.
        bytes: &'a [u8],
        /// Width and height in pixels, where the frame says so.
        size: Option<(usize, usize)>,
    },
    /// A frame that broke off, or is larger than any.
    Damaged,
}

/// Splits bytes into frames. Holds one frame at most.
#[derive(Debug)]
pub enum Splitter {
    /// Frames of one size.
    Raw(Raw),
    /// JPEGs.
    Jpeg(Jpeg),
}

impl Splitter {
    /// A splitter for frames of this layout, which has been checked.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        if layout.format == PixelFormat::Mjpg {
            let most_bytes = layout.width * layout.height * JPEG_BYTES_PER_PIXEL + JPEG_EXTRAS_BYTES;
            return Self::Jpeg(Jpeg { most_bytes, ..Jpeg::default() });
        }
        let frame_bytes = layout.whole_bytes().unwrap_or(1).max(1);
        Self::Raw(Raw { frame_bytes, frame: Vec::new() })
    }

    /// The next piece; takes what it has used from `input`. None: all is used, and more is needed.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Piece<'_>> {
        match self {
            Self::Raw(raw) => raw.next(input),
            Self::Jpeg(jpeg) => jpeg.next(input),
        }
    }

    /// Whether a frame has begun that isn't whole.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        match self {
            Self::Raw(raw) => !raw.frame.is_empty() && raw.frame.len() < raw.frame_bytes,
            Self::Jpeg(jpeg) => !jpeg.frame.is_empty() && !matches!(jpeg.place, Place::Done | Place::Broken),
        }
    }
}

/// Frames of one size.
#[derive(Debug)]
pub struct Raw {
    frame_bytes: usize,
    frame: Vec<u8>,
}

impl Raw {
    fn next(&mut self, input: &mut &[u8]) -> Option<Piece<'_>> {
        if self.frame.len() == self.frame_bytes {
            self.frame.clear();
        }
        self.frame.extend_from_slice(take(input, self.frame_bytes - self.frame.len()));
        (self.frame.len() == self.frame_bytes).then_some(Piece::Frame { bytes: &self.frame, size: None })
    }
}

/// At most so many bytes from the front of `input`, which begins after them from then on.
fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, left) = input.split_at(most.min(input.len()));
    *input = left;
    taken
}

/// The second bytes of markers; the first is 0xFF.
mod marker {
    pub const START_OF_IMAGE: u8 = 0xD8;
    pub const END_OF_IMAGE: u8 = 0xD9;
    pub const START_OF_SCAN: u8 = 0xDA;
    pub const FIRST_RESTART: u8 = 0xD0;
    pub const LAST_RESTART: u8 = 0xD7;
    /// Markers below this one are reserved, but for TEM, which no camera writes.
    pub const FIRST_WITH_SEGMENT: u8 = 0xC0;

    /// Whether a segment is a frame header: C0 to CF but for Huffman tables, a reserved one, and arithmetic conditions.
    pub const fn is_frame_header(code: u8) -> bool {
        matches!(code, 0xC0..=0xCF) && !matches!(code, 0xC4 | 0xC8 | 0xCC)
    }
}

/// JPEGs, one after the other; what is between them is left out.
#[derive(Debug, Default)]
pub struct Jpeg {
    most_bytes: usize,
    frame: Vec<u8>,
    size: Option<(usize, usize)>,
    place: Place,
}

/// Where in a JPEG the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Between frames.
    #[default]
    Between,
    /// Between frames, after 0xFF.
    BetweenMarked,
    /// Where a marker must be.
    Marker,
    /// After a marker's 0xFF.
    Code,
    /// At the first byte of a segment's length.
    Length { code: u8 },
    /// At the second.
    LengthEnd { code: u8, high: u8 },
    /// In a segment that began there in the frame.
    Segment { code: u8, start: usize, left: usize },
    /// In coded pixels.
    Scan,
    /// In coded pixels, after 0xFF.
    ScanMarked,
    /// The frame is whole.
    Done,
    /// The frame is broken.
    Broken,
    /// The frame broke off, because another begins.
    Overtaken,
}

impl Jpeg {
    fn next(&mut self, input: &mut &[u8]) -> Option<Piece<'_>> {
        match self.place {
            Place::Done | Place::Broken => self.clear(Place::Between),
            Place::Overtaken => self.begin(),
            _ => {}
        }
        while !input.is_empty() {
            self.advance(input);
            if self.frame.len() > self.most_bytes {
                self.place = Place::Broken;
            }
            match self.place {
                Place::Done => return Some(Piece::Frame { bytes: &self.frame, size: self.size }),
                Place::Broken | Place::Overtaken => return Some(Piece::Damaged),
                _ => {}
            }
        }
        None
    }

    fn clear(&mut self, place: Place) {
        self.frame.clear();
        self.size = None;
        self.place = place;
    }

    fn begin(&mut self) {
        self.clear(Place::Marker);
        self.frame.extend([0xFF, marker::START_OF_IMAGE]);
    }

    /// Goes on by a run of bytes that need no look, or by one byte.
    fn advance(&mut self, input: &mut &[u8]) {
        match self.place {
            Place::Between => {
                let skipped = input.iter().position(|&byte| byte == 0xFF).unwrap_or(input.len());
                take(input, skipped);
                if !take(input, 1).is_empty() {
                    self.place = Place::BetweenMarked;
                }
            }
            Place::Segment { code, start, left } => {
                let taken = take(input, left);
                self.frame.extend_from_slice(taken);
                self.place = self.in_segment(code, start, left - taken.len());
            }
            Place::Scan => {
                let coded = input.iter().position(|&byte| byte == 0xFF).map_or(input.len(), |at| at + 1);
                let taken = take(input, coded.min(self.most_bytes));
                self.frame.extend_from_slice(taken);
                if taken.last() == Some(&0xFF) {
                    self.place = Place::ScanMarked;
                }
            }
            place => {
                for &byte in take(input, 1) {
                    self.step(place, byte);
                }
            }
        }
    }

    fn step(&mut self, place: Place, byte: u8) {
        if place == Place::BetweenMarked {
            match byte {
                marker::START_OF_IMAGE => self.begin(),
                0xFF => {}
                _ => self.place = Place::Between,
            }
            return;
        }
        self.frame.push(byte);
        self.place = match place {
            Place::Marker if byte == 0xFF => Place::Code,
            // More of 0xFF fills up before a marker.
            Place::Code | Place::ScanMarked if byte == 0xFF => place,
            Place::ScanMarked if byte == 0 || is_restart(byte) => Place::Scan,
            Place::Code | Place::ScanMarked => after_marker(byte),
            Place::Length { code } => Place::LengthEnd { code, high: byte },
            Place::LengthEnd { code, high } => self.segment(code, u16::from_be_bytes([high, byte])),
            _ => Place::Broken,
        };
    }

    /// A segment's length counts its own two bytes.
    fn segment(&self, code: u8, length: u16) -> Place {
        let start = self.frame.len();
        usize::from(length).checked_sub(2).map_or(Place::Broken, |left| self.at_segment(code, start, left))
    }

    fn at_segment(&self, code: u8, start: usize, left: usize) -> Place {
        match (left, code) {
            (0, marker::START_OF_SCAN) => Place::Scan,
            (0, _) => Place::Marker,
            _ => Place::Segment { code, start, left },
        }
    }

    fn in_segment(&mut self, code: u8, start: usize, left: usize) -> Place {
        if left == 0 && marker::is_frame_header(code) {
            self.size = frame_size(self.frame.get(start..).unwrap_or_default());
        }
        self.at_segment(code, start, left)
    }
}

const fn is_restart(byte: u8) -> bool {
    matches!(byte, marker::FIRST_RESTART..=marker::LAST_RESTART)
}

const fn after_marker(code: u8) -> Place {
    match code {
        marker::END_OF_IMAGE => Place::Done,
        marker::START_OF_IMAGE => Place::Overtaken,
        marker::FIRST_WITH_SEGMENT.. if !is_restart(code) => Place::Length { code },
        _ => Place::Broken,
    }
}

/// Width and height of a frame header: precision, height, width (B.2.2).
fn frame_size(segment: &[u8]) -> Option<(usize, usize)> {
    let &[_, height_high, height_low, width_high, width_low, ..] = segment else { return None };
    let number = |high, low| usize::from(u16::from_be_bytes([high, low]));
    Some((number(width_high, width_low), number(height_high, height_low)))
}

#[cfg(test)]
mod tests;
