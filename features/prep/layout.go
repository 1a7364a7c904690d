package prep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/pcapio"
)

// The files of a dataset, besides its tables.
const (
	FullMetaFile    = "fulldata_metadata.json"
	CleanedMetaFile = "cleaned_metadata.json"
	CardFile        = "README.md"
	CroissantFile   = "croissant.json"
	AuditFile       = "audit.json" // written by the command prepare
)

const (
	dataDir  = "data"
	fullBase = "fulldata"
)

// Formats are those in which the tables can be written.
var Formats = []string{"parquet", "csv"}

// used are the parts of which the cleaned table has rows.
var used = []features.Part{features.Train, features.Valid, features.Test}

// partBase is the name of a part's table without its ending, as the Hugging
// Face hub has it.
func partBase(p features.Part) string {
	name := p.String()
	if p == features.Valid {
		name = "validation"
	}
	return dataDir + "/" + name + "-00000-of-00001"
}

// DataFile is a table of a dataset.
type DataFile struct {
	Path   string // below the dataset's folder, with slashes
	Format string
	Part   string // train, validation, test; "" of the full table
	SHA256 string
	Bytes  int64
	Rows   int64
}

// Files names everything that Prepare may write, below the dataset's folder:
// what has to go when another dataset takes its place.
func Files() []string {
	list := []string{FullMetaFile, CleanedMetaFile, CardFile, CroissantFile, AuditFile}
	for _, f := range Formats {
		list = append(list, fullBase+"."+f)
		for _, p := range used {
			list = append(list, partBase(p)+"."+f)
		}
	}
	return list
}

// Remove takes a dataset away, and leaves other files in its folder alone.
func Remove(dir string) error { return removeBut(dir, nil) }

// removeBut removes files of a dataset that are not among those kept.
func removeBut(dir string, kept []string) error {
	for _, name := range Files() {
		if slices.Contains(kept, name) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	_ = os.Remove(filepath.Join(dir, dataDir)) // stays when it is not empty
	return nil
}

// partFiles are the tables of the parts that have rows, in the order of the
// parts: Parquet where there is one, else CSV.
func partFiles(dir string, m *features.Meta) (paths []string, err error) {
	for _, p := range used {
		if m.Rows.Of(p) == 0 {
			continue
		}
		found := ""
		for _, f := range Formats {
			path := filepath.Join(dir, filepath.FromSlash(partBase(p)+"."+f))
			if _, err := os.Stat(path); err == nil {
				found = path
				break
			}
		}
		if found == "" {
			return nil, fmt.Errorf("%s: has no table of %s rows, its metadata says %d: %w", dir, p, m.Rows.Of(p), os.ErrNotExist)
		}
		paths = append(paths, found)
	}
	return paths, nil
}

// digest fills in what can only be known of a file that is whole.
func (f *DataFile) digest(dir string) (err error) {
	f.SHA256, f.Bytes, err = pcapio.Digest(filepath.Join(dir, filepath.FromSlash(f.Path)))
	return err
}
