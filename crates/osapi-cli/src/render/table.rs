//! A table for people: columns apart by blanks, no borders, wrapped to the terminal.

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table as Grid};

use crate::printer::{Printer, Style};

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<(String, Option<Style>)>>,
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new<T: Into<String>>(headers: impl IntoIterator<Item = T>) -> Self {
        Self { headers: headers.into_iter().map(Into::into).collect(), rows: vec![] }
    }

    /// Adds a row of plain cells.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| (cell.into(), None)).collect());
    }

    /// Adds a row whose cells may have a style.
    pub(crate) fn styled_row(&mut self, cells: Vec<(String, Option<Style>)>) {
        self.rows.push(cells);
    }

    /// The text of it; empty when there are no rows and no headers are wanted.
    pub(crate) fn text(&self, printer: &Printer) -> String {
        let mut grid = Grid::new();
        grid.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        match printer.width {
            Some(width) => grid.set_width(width.max(40)),
            None => grid.set_content_arrangement(ContentArrangement::Disabled),
        };
        if printer.colour {
            grid.enforce_styling();
        } else {
            grid.force_no_tty();
        }
        if printer.headers {
            grid.set_header(self.headers.iter().map(|header| styled(header, printer.colour.then_some(Style::Bold))));
        }
        for row in &self.rows {
            grid.add_row(row.iter().map(|(text, style)| styled(text, style.filter(|_| printer.colour))));
        }
        for column in grid.column_iter_mut() {
            column.set_padding((0, 3));
        }
        // Names and ids are copied, so they are never broken.
        if let Some(first) = grid.column_mut(0) {
            first.set_constraint(ColumnConstraint::ContentWidth);
        }
        let lines: Vec<String> = grid.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

/// Names and values, one pair a line.
pub(crate) fn pairs(printer: &Printer, pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count() + 2).max().unwrap_or_default();
    let line = |(name, value): &(&str, String)| {
        let blanks = " ".repeat(width - name.chars().count() - 1);
        format!("{}{blanks}{value}", printer.styled(Style::Bold, &format!("{name}:")))
    };
    pairs.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn styled(text: &str, style: Option<Style>) -> Cell {
    let cell = Cell::new(text);
    match style {
        None => cell,
        Some(Style::Bold) => cell.add_attribute(comfy_table::Attribute::Bold),
        Some(Style::Dim) => cell.add_attribute(comfy_table::Attribute::Dim),
        Some(Style::Green) => cell.fg(Color::Green),
        Some(Style::Yellow) => cell.fg(Color::Yellow),
        Some(Style::Red) => cell.fg(Color::Red),
        Some(Style::Cyan) => cell.fg(Color::Cyan),
    }
}
