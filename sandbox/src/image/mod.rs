//! Images for tests and the demo: deterministic bytes in every shape a registry meets.

mod archive;
mod finished;
mod layer;
mod layout;
mod recipe;

pub use self::archive::DockerArchive;
pub use self::finished::{Blob, Child, Image, WriteImage};
pub use self::layer::Layer;
pub use self::layout::{SparseLayout, write_layout_with_sparse_layer};
pub use self::recipe::Recipe;
pub(crate) use self::recipe::{FAULT_LABEL, REVISION_LABEL};
