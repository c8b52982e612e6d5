//! Rows become columns.

use std::array::from_fn;

use multiversion::multiversion;

/// Turns `rows` × `columns` elements, row-major, so that columns come first.
#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
pub fn turn<T: Copy>(input: &[T], columns: usize, output: &mut [T]) {
    let rows = input.len() / columns.max(1);
    match [rows, columns] {
        [1, _] | [_, 1] => output.copy_from_slice(input),
        [_, 2] => part::<T, 2>(input, output),
        [_, 3] => part::<T, 3>(input, output),
        [_, 4] => part::<T, 4>(input, output),
        [2, _] => interleave::<T, 2>(input, output),
        [3, _] => interleave::<T, 3>(input, output),
        [4, _] => interleave::<T, 4>(input, output),
        [(16..), (16..)] => in_squares::<T, 16>(input, [rows, columns], output),
        [(8..), (8..)] => in_squares::<T, 8>(input, [rows, columns], output),
        _ => one_by_one(input, columns, output),
    }
}

/// Few columns: one pass over the input.
#[inline(always)]
fn part<T: Copy, const COLUMNS: usize>(input: &[T], output: &mut [T]) {
    let rows = output.len() / COLUMNS;
    let (whole, _) = input.as_chunks::<COLUMNS>();
    for column in 0..COLUMNS {
        let to = &mut output[column * rows..(column + 1) * rows];
        to.iter_mut().zip(whole).for_each(|(to, elements)| *to = elements[column]);
    }
}

/// Few rows: one pass over the output.
#[inline(always)]
fn interleave<T: Copy, const ROWS: usize>(input: &[T], output: &mut [T]) {
    let length = input.len() / ROWS;
    let rows: [&[T]; ROWS] = from_fn(|row| &input[row * length..(row + 1) * length]);
    let (whole, _) = output.as_chunks_mut::<ROWS>();
    for (place, elements) in whole.iter_mut().enumerate().take(length) {
        *elements = from_fn(|row| rows[row][place]);
    }
}

/// Squares, the last ones over those before: both put the same there.
#[inline(always)]
fn in_squares<T: Copy, const SIDE: usize>(input: &[T], [rows, columns]: [usize; 2], output: &mut [T]) {
    for top in (0..rows).step_by(SIDE).map(|top| top.min(rows - SIDE)) {
        for left in (0..columns).step_by(SIDE).map(|left| left.min(columns - SIDE)) {
            let lines: [[T; SIDE]; SIDE] = from_fn(|row| {
                let line = &input[(top + row) * columns + left..][..SIDE];
                from_fn(|column| line[column])
            });
            for (column, turned) in square(lines).iter().enumerate() {
                output[(left + column) * rows + top..][..SIDE].copy_from_slice(turned);
            }
        }
    }
}

/// A square turned: lines of its upper and its lower half are shuffled into each other, as often as its side is 2 times 2.
#[inline(always)]
fn square<T: Copy, const SIDE: usize>(mut lines: [[T; SIDE]; SIDE]) -> [[T; SIDE]; SIDE] {
    let mut rounds = SIDE;
    while rounds > 1 {
        lines = from_fn(|line| {
            let (upper, lower) = (&lines[line / 2], &lines[line / 2 + SIDE / 2]);
            let half = line % 2 * SIDE / 2;
            from_fn(|place| if place % 2 == 0 { upper[half + place / 2] } else { lower[half + place / 2] })
        });
        rounds /= 2;
    }
    lines
}

#[inline(always)]
fn one_by_one<T: Copy>(input: &[T], columns: usize, output: &mut [T]) {
    let rows = input.len() / columns.max(1);
    for (row, elements) in input.chunks_exact(columns.max(1)).enumerate() {
        elements.iter().enumerate().for_each(|(column, element)| output[column * rows + row] = *element);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Copy + PartialEq + std::fmt::Debug + From<u8>>(rows: usize, columns: usize) {
        let input: Vec<T> = (0..rows * columns).map(|place| T::from((place * 7 % 251) as u8)).collect();
        let mut turned = vec![T::from(255); input.len()];
        turn(&input, columns, &mut turned);
        let expected = (0..rows * columns).map(|place| input[place % rows.max(1) * columns + place / rows.max(1)]);
        assert!(turned.iter().copied().eq(expected), "{rows} × {columns}: {turned:?}");
    }

    #[test]
    fn columns_come_first() {
        for rows in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100] {
            for columns in [1, 2, 3, 4, 5, 8, 11, 16, 23, 64] {
                check::<u8>(rows, columns);
                check::<u32>(rows, columns);
                check::<f32>(rows, columns);
            }
        }
    }
}
