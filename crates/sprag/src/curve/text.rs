//! The curve in a terminal: one character a mark, the incumbent as a line of box characters.

use sprag_judge::Status;

use super::story::{LEGEND, STATUSES, Story, word};
use super::{Curve, Point};

/// The least that a picture needs; less is drawn as if it were this.
const LEAST: (usize, usize) = (30, 8);
/// More is no use, and a terminal that claims more is not believed.
const MOST: (usize, usize) = (400, 200);
/// Space for the labels of the value axis.
const GUTTER: usize = 11;

/// Which characters a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyphs {
    /// Box-drawing lines and geometric marks.
    Unicode,
    /// ASCII alone, whatever the names contain.
    Ascii,
}

/// Draws a curve as `height` lines of at most `width` columns, without colour and without a last newline.
/// Sizes that are too small or absurdly large are bounded.
pub(crate) fn text(curve: &Curve, width: usize, height: usize, glyphs: Glyphs) -> String {
    let story = Story::of(curve);
    let width = width.clamp(LEAST.0, MOST.0);
    let height = height.clamp(LEAST.1, MOST.1);
    let lane = usize::from(story.has_unplaced());
    let mut plot = Plot {
        columns: width - GUTTER,
        rows: height - 4 - lane,
        lane: lane == 1,
        cells: vec![vec![' '; width - GUTTER]; height - 4],
        glyphs,
        story,
    };
    plot.line();
    plot.marks();
    let mut lines = vec![fit(&plot.story.headline(), width)];
    lines.extend(plot.rows_with_labels());
    lines.extend(plot.run_axis());
    lines.push(fit(&plot.legend(), width));
    let lines: Vec<String> = lines.iter().map(|line| plain(line, glyphs).trim_end().to_owned()).collect();
    lines.join("\n")
}

struct Plot {
    columns: usize,
    /// Rows of the value axis; the lane comes below.
    rows: usize,
    lane: bool,
    cells: Vec<Vec<char>>,
    glyphs: Glyphs,
    story: Story,
}

impl Plot {
    fn column(&self, run: u32) -> usize {
        let (first, last) = self.story.runs().unwrap_or((0, 0));
        if first == last {
            return self.columns / 2;
        }
        let share = f64::from(run - first) / f64::from(last - first);
        (share * (self.columns - 1) as f64).round() as usize
    }

    fn row(&self, value: f64) -> usize {
        ((1.0 - self.story.axis.place(value)) * (self.rows - 1) as f64).round() as usize
    }

    fn line(&mut self) {
        let steps: Vec<(usize, usize)> =
            self.story.steps.iter().map(|(run, value)| (self.column(*run), self.row(*value))).collect();
        let [level, upright, corners] = match self.glyphs {
            Glyphs::Unicode => [['─'; 4], ['│'; 4], ['┐', '└', '┘', '┌']],
            Glyphs::Ascii => [['-'; 4], ['|'; 4], ['+'; 4]],
        };
        for (index, &(column, row)) in steps.iter().enumerate() {
            let end = steps.get(index + 1).map_or(self.columns, |next| next.0);
            for cell in column..end {
                self.cells[row][cell] = level[0];
            }
            let Some(&(_, before)) = index.checked_sub(1).and_then(|index| steps.get(index)) else {
                continue;
            };
            if before == row {
                continue;
            }
            for between in before.min(row) + 1..before.max(row) {
                self.cells[between][column] = upright[0];
            }
            let [enter, leave] =
                if row > before { [corners[0], corners[1]] } else { [corners[2], corners[3]] };
            self.cells[before][column] = enter;
            self.cells[row][column] = leave;
        }
    }

    fn marks(&mut self) {
        for status in STATUSES {
            for index in 0..self.story.points.len() {
                let point = self.story.points[index];
                if point.status == status {
                    let (column, row) = self.cell(&point);
                    self.cells[row][column] = self.mark(status);
                }
            }
        }
    }

    fn cell(&self, point: &Point) -> (usize, usize) {
        let row = self.story.axis.shown(point.value).map_or(self.rows, |value| self.row(value));
        (self.column(point.run), row)
    }

    fn mark(&self, status: Status) -> char {
        match (self.glyphs, status) {
            (Glyphs::Unicode, Status::Keep) => '●',
            (Glyphs::Unicode, Status::Discard) => '○',
            (Glyphs::Unicode, Status::ChecksFailed) => '▲',
            (Glyphs::Unicode, Status::Crash) => '×',
            (Glyphs::Ascii, Status::Keep) => '#',
            (Glyphs::Ascii, Status::Discard) => 'o',
            (Glyphs::Ascii, Status::ChecksFailed) => '!',
            (Glyphs::Ascii, Status::Crash) => 'x',
        }
    }

    /// The plot's rows, with a value on the rows that stand nearest to a round one.
    fn rows_with_labels(&self) -> Vec<String> {
        let mut labels = vec![String::new(); self.cells.len()];
        for (tick, label) in self.story.axis.ticks() {
            labels[self.row(tick)] = label;
        }
        if self.lane {
            labels[self.rows] = "no value".to_owned();
        }
        let (plain, ticked) = match self.glyphs {
            Glyphs::Unicode => ('│', '┤'),
            Glyphs::Ascii => ('|', '+'),
        };
        let row = |(label, cells): (&String, &Vec<char>)| {
            let edge = if label.is_empty() { plain } else { ticked };
            format!("{label:>width$} {edge}{}", cells.iter().collect::<String>(), width = GUTTER - 2)
        };
        labels.iter().zip(&self.cells).map(row).collect()
    }

    fn run_axis(&self) -> [String; 2] {
        let (corner, level) = match self.glyphs {
            Glyphs::Unicode => ('└', "─"),
            Glyphs::Ascii => ('+', "-"),
        };
        let edge = format!("{:>width$}{corner}{}", "", level.repeat(self.columns), width = GUTTER - 1);
        let Some((first, last)) = self.story.runs() else { return [edge, String::new()] };
        let (first, mut last) = (format!("run {first}"), last.to_string());
        // Numbers too long to stand apart on this line would be read as one.
        if first.len() + 1 + last.len() > self.columns {
            last.clear();
        }
        let between = self.columns - first.len() - last.len();
        let caption = self.story.caption();
        let caption = if caption.len() + 2 <= between { caption } else { String::new() };
        [edge, format!("{:>GUTTER$}{first}{caption:^between$}{last}", "")]
    }

    fn legend(&self) -> String {
        LEGEND
            .map(|status| format!("{} {} {}", self.mark(status), self.story.count(status), word(status)))
            .join("  ")
    }
}

fn fit(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

fn plain(line: &str, glyphs: Glyphs) -> String {
    match glyphs {
        Glyphs::Unicode => line.to_owned(),
        Glyphs::Ascii => line.chars().map(in_ascii).collect(),
    }
}

fn in_ascii(letter: char) -> char {
    match letter {
        '…' => '~',
        'µ' | 'μ' => 'u',
        ' '..='~' => letter,
        _ => '?',
    }
}
