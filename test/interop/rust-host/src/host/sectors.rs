//! A file for each sector, and the tree of each sector that was read.
use super::Hash;
use super::proof::SectorTree;
use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub struct SectorStore {
    folder: PathBuf,
    trees: Mutex<HashMap<Hash, Arc<SectorTree>>>,
}

pub struct StoredSector {
    pub data: Vec<u8>,
    pub tree: Arc<SectorTree>,
}

impl SectorStore {
    pub fn create(folder: &Path) -> io::Result<SectorStore> {
        fs::create_dir_all(folder)?;
        Ok(SectorStore { folder: folder.into(), trees: Mutex::default() })
    }

    pub fn has(&self, root: &Hash) -> bool {
        self.path(root).exists()
    }

    pub fn write(&self, root: &Hash, sector: &[u8]) -> io::Result<()> {
        fs::write(self.path(root), sector)
    }

    /// None: the host does not have it.
    pub fn read(&self, root: &Hash) -> io::Result<Option<StoredSector>> {
        Ok(missing_is_none(fs::read(self.path(root)))?.map(|data| {
            let mut trees = self.trees.lock().unwrap();
            let tree = trees.entry(*root).or_insert_with(|| Arc::new(SectorTree::of(&data))).clone();
            StoredSector { data, tree }
        }))
    }

    /// False: the host did not have it.
    pub fn remove(&self, root: &Hash) -> io::Result<bool> {
        Ok(missing_is_none(fs::remove_file(self.path(root)))?.is_some())
    }

    fn path(&self, root: &Hash) -> PathBuf {
        self.folder.join(hex::encode(root))
    }
}

fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
