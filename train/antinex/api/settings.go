package api

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/train/antinex"
	"github.com/pcapline/pcapline/train/internal/secretfile"
)

// Connection says where the server is and who asks.
type Connection struct {
	URL      string // "https://host:8010"
	User     string
	Password string
	CA       string // PEM file of who vouches for the server; "": those of the system
	Cert     string // PEM files of a client certificate
	Key      string
}

// Settings are what ANTINEX_ variables say of publishing.
type Settings struct {
	Connection
	Disabled bool   // ANTINEX_PUBLISH_ENABLED is 0
	Template string // file of the request that rows are put into; "": the stock one

	Model    string   // label of the request
	Predict  string   // column to be predicted
	Features []string // nil: those of the template
	Ignore   []string
	Sort     []string

	Seed, BatchSize, Epochs, Splits, Version int64
	TestSize                                 float64
	MLType, Loss, Optimiser                  string
	Metrics, Histories                       []string
	ToCore                                   bool // the server hands the job to the Core

	Convert       bool // values become numbers
	ConvertInt    bool // whole ones
	IncludeFailed bool // values that are no numbers are sent as text, else as missing
	Missing       float64
	CheckPredict  bool // rows without the predicted column get it, as missing
	Compat        bool // rows as the original makes them; see the package comment
}

// The original's defaults.
const (
	defaultURL      = "http://localhost:8010"
	defaultModel    = "Full-Django-AntiNex-Simple-Scaler-DNN"
	defaultTemplate = "/opt/antinex/client/examples/predict-rows-scaler-full-django.json"
)

// FromEnv reads the settings from variables, which get looks up. The client
// tools' names, API_USER and others, count where those of ANTINEX_ are not set.
// The password may be missing; see [Connection.check].
func FromEnv(get func(string) string) (Settings, error) {
	e := environment{get: get}
	s := Settings{
		Connection: Connection{
			URL:  e.text("URL", cmp.Or(get("API_URL"), defaultURL)),
			User: e.text("USER", cmp.Or(get("API_USER"), "root")), Password: e.text("PASSWORD", get("API_PASSWORD")),
			CA:   e.text("CA_FILE", get("API_CA_BUNDLE_DIR")),
			Cert: e.text("CERT_FILE", get("API_CERT_FILE")), Key: e.text("KEY_FILE", get("API_KEY_FILE")),
		},
		Disabled: !e.flag("PUBLISH_ENABLED", true), Template: e.text("PUBLISH_REQUEST_FILE", ""),
		Model: e.text("USE_MODEL_NAME", defaultModel), Predict: e.text("PREDICT_FEATURE", "label_value"),
		Features: e.list("FEATURES_TO_PROCESS"), Ignore: e.list("IGNORE_FEATURES"), Sort: e.list("SORT_VALUES"),
		Seed: e.whole("SEED", 42), BatchSize: e.whole("BATCH_SIZE", 32), Epochs: e.whole("EPOCHS", 15),
		Splits: e.whole("NUM_SPLITS", 3), Version: e.whole("VERSION", 1), TestSize: e.number("TEST_SIZE", 0.2),
		MLType: e.text("ML_TYPE", "classification"), Loss: e.text("LOSS", "binary_crossentropy"), Optimiser: e.text("OPTIMIZER", "adam"),
		Metrics: e.list("METRICS"), Histories: e.list("HISTORIES"), ToCore: e.flag("PUBLISH_TO_CORE", true),
		Convert: e.flag("CONVERT_DATA", true), IncludeFailed: e.flag("INCLUDE_FAILED_CONVERSIONS", false),
		Missing: e.number("MISSING_VALUE", -1), CheckPredict: e.flag("CHECK_MISSING_PREDICT", true),
	}
	switch kind := e.text("CONVERT_DATA_TYPE", "float"); kind {
	case "float":
	case "int":
		s.ConvertInt = true
	default:
		e.fail("CONVERT_DATA_TYPE", "float or int")
	}
	if s.Template == "" {
		if _, err := os.Stat(defaultTemplate); err == nil {
			s.Template = defaultTemplate
		}
	}
	return s, errors.Join(e.errs...)
}

// environment reads variables and collects what is wrong with them.
type environment struct {
	get  func(string) string
	errs []error
}

func (e *environment) text(name, otherwise string) string {
	return cmp.Or(e.get("ANTINEX_"+name), otherwise)
}

func (e *environment) fail(name, want string) {
	e.errs = append(e.errs, fmt.Errorf("ANTINEX_%s is %q, not %s", name, e.get("ANTINEX_"+name), want))
}

// flag is true for "1" alone, as in the original, whose files write "false"
// for no; other words are a mistake.
func (e *environment) flag(name string, otherwise bool) bool {
	switch strings.ToLower(e.text(name, "")) {
	case "":
		return otherwise
	case "1", "true":
		return true
	case "0", "false":
		return false
	}
	e.fail(name, "1 or 0")
	return otherwise
}

func (e *environment) list(name string) (list []string) {
	for item := range strings.SplitSeq(e.text(name, ""), ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func (e *environment) whole(name string, otherwise int64) int64 {
	v, err := strconv.ParseInt(e.text(name, strconv.FormatInt(otherwise, 10)), 10, 64)
	if err != nil || v < 0 {
		e.fail(name, "a whole number")
	}
	return v
}

func (e *environment) number(name string, otherwise float64) float64 {
	v, err := strconv.ParseFloat(e.text(name, strconv.FormatFloat(otherwise, 'g', -1, 64)), 64)
	if err != nil || v-v != 0 {
		e.fail(name, "a number")
	}
	return v
}

// ReadSecret reads a password from the first line of a file that others must
// not be able to read; see package secretfile.
func ReadSecret(path string) (string, error) {
	f, err := secretfile.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text := make([]byte, 4096)
	n, err := f.Read(text)
	if err != nil {
		return "", fmt.Errorf("%s: no secret: %w", path, err)
	}
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("%s: its first line is empty", path)
	}
	return line, nil
}

// stockFeatures are those of the original's models.
func stockFeatures() []string { return antinex.Preset("antinex-full").Features }
