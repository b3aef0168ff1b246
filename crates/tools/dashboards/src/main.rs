//! Writes the dashboards into the folder that Grafana reads.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(dashboards::FOLDER);
    fs::create_dir_all(&folder)?;
    for dashboard in dashboards::ALL {
        fs::write(folder.join(dashboard.file()), dashboard.json())?;
    }
    Ok(())
}
