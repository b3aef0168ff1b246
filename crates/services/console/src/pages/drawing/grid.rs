//! Coordinates of the map. Cells are counted from 1, y upwards.

pub const GRID: i32 = 10;
pub const CELL: i32 = 40;

/// The side of the drawing: the cells, and the coordinates at the left and below.
pub const SIDE: i32 = CELL * (GRID + 1);

/// The upper left corners of all cells.
pub fn cells() -> Vec<(i32, i32)> {
    (1..=GRID).flat_map(|row| (1..=GRID).map(move |column| (cell_left(column), cell_top(row)))).collect()
}

/// The numbers beside the grid: of the row, and of the column below.
pub fn numbers() -> Vec<(i32, i32, i32)> {
    let below = SIDE - CELL / 2;
    let row = |number| (number, CELL / 2, cell_middle(1, number).1);
    let column = |number| (number, cell_middle(number, 1).0, below);
    (1..=GRID).flat_map(|number| [row(number), column(number)]).collect()
}

fn cell_left(column: i32) -> i32 {
    CELL * column
}

fn cell_top(row: i32) -> i32 {
    CELL * (GRID - row)
}

pub fn cell_middle(column: i32, row: i32) -> (i32, i32) {
    (cell_left(column) + CELL / 2, cell_top(row) + CELL / 2)
}
