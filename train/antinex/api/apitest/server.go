// Package apitest is a strict stand-in for AntiNex's REST server: it takes
// only requests as the original's clients make them, and answers as the
// original does, with tokens that run out, 201 for what was made, one record
// without a list where there is only one, and errors in plain text.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// User and Password are the account that the server knows.
const (
	User     = "sensor"
	Password = "correct-horse-9f2c"
)

// Server is the stand-in. Its fields are guarded by Lock where a test changes
// them while requests are answered.
type Server struct {
	*httptest.Server
	sync.Mutex
	Lifetime time.Duration // of tokens
	Steps    []string      // states that a job goes through, one a question
	Logins   int
	Requests []string         // method and path, in order
	Posts    []map[string]any // bodies of POST /ml/ that made a job
	Fault    func(*Fault)     // asked before each request with a token is answered
	jobs     []map[string]any
	results  []map[string]any
	prepared []map[string]any
	clock    time.Duration // what Advance added
}

// Fault is a way for an answer to go wrong.
type Fault struct {
	Request string // "POST /ml/"
	Number  int    // of the request among those alike, from 1
	Status  int    // answer this with Body, and do nothing
	Body    string
	Cut     bool // do what is asked, then close the connection without an answer
}

// New runs a server until the test ends.
func New(t testing.TB, withTLS bool) *Server {
	s := &Server{Lifetime: 300 * time.Second, Steps: []string{"initial", "analyzing", "started", "launched", "finished"}}
	if withTLS {
		s.Server = httptest.NewTLSServer(s)
	} else {
		s.Server = httptest.NewServer(s)
	}
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s
}

// Advance lets time pass for tokens.
func (s *Server) Advance(d time.Duration) {
	s.Lock()
	defer s.Unlock()
	s.clock += d
}

func (s *Server) now() time.Time { return time.Now().Add(s.clock) }

// Rows are the predict_rows of all jobs, in order.
func (s *Server) Rows() (rows []map[string]any) {
	s.Lock()
	defer s.Unlock()
	for _, body := range s.Posts {
		for _, row := range body["predict_rows"].([]any) {
			rows = append(rows, row.(map[string]any))
		}
	}
	return rows
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.Lock()
	defer s.Unlock()
	request := r.Method + " " + r.URL.Path
	s.Requests = append(s.Requests, request)
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json" {
		text(w, http.StatusUnsupportedMediaType, "Unsupported media type")
		return
	}
	if !strings.HasSuffix(r.URL.Path, "/") {
		http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently)
		return
	}
	if r.URL.Path == "/api-token-auth/" && r.Method == http.MethodPost {
		s.logIn(w, body)
		return
	}
	if why := s.checkToken(r.Header.Get("Authorization")); why != "" {
		w.Header().Set("WWW-Authenticate", `JWT realm="api"`)
		answer(w, http.StatusUnauthorized, map[string]string{"detail": why})
		return
	}
	f := &Fault{Request: request}
	for _, q := range s.Requests {
		if q == request {
			f.Number++
		}
	}
	if s.Fault != nil {
		s.Fault(f)
	}
	if f.Status != 0 {
		text(w, f.Status, f.Body)
		return
	}
	if f.Cut {
		s.route(httptest.NewRecorder(), r, body)
		panic(http.ErrAbortHandler)
	}
	s.route(w, r, body)
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, body []byte) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	lists := map[string]*[]map[string]any{"ml": &s.jobs, "mlresults": &s.results, "mlprepare": &s.prepared}
	list, known := lists[parts[0]]
	switch {
	case !known || len(parts) > 2:
		text(w, http.StatusNotFound, "Not Found")
	case r.Method == http.MethodPost && len(parts) == 1 && parts[0] == "ml":
		s.postJob(w, body)
	case r.Method == http.MethodPost && len(parts) == 1 && parts[0] == "mlprepare":
		s.postPrepare(w, body)
	case r.Method == http.MethodGet && len(parts) == 2:
		s.get(w, *list, parts[1])
	case r.Method == http.MethodGet:
		if len(*list) == 1 {
			answer(w, http.StatusOK, (*list)[0])
			return
		}
		newest := slices.Clone(*list)
		slices.Reverse(newest)
		name := map[string]string{"ml": "jobs", "mlresults": "results", "mlprepare": "prepares"}[parts[0]]
		answer(w, http.StatusOK, map[string]any{name: newest[:min(20, len(newest))]})
	default:
		text(w, http.StatusMethodNotAllowed, "Method not allowed")
	}
}

// get answers with a record, and lets a job take a step.
func (s *Server) get(w http.ResponseWriter, list []map[string]any, number string) {
	id, err := strconv.Atoi(number)
	if err != nil || id < 1 || id > len(list) {
		text(w, http.StatusBadRequest, "null")
		return
	}
	record := list[id-1]
	if step := slices.Index(s.Steps, record["status"].(string)); step >= 0 && step < len(s.Steps)-1 {
		record["status"] = s.Steps[step+1]
		if acc, ok := record["acc_data"].(map[string]any); ok && step+1 == len(s.Steps)-1 {
			acc["accuracy"] = 99.8
		}
	}
	answer(w, http.StatusOK, record)
}

// requestKeys are what a request may have.
const requestKeys = `algo_name apply_scaler batch_size csv_file dataset desc ds_name epochs features_to_process histories ignore_features
	image_file label label_rules loss max_records meta_file metrics min_scaler_range max_scaler_range ml_type model_desc model_json num_splits optimizer
	post_proc pre_proc meta_data training_data predict_feature predict_rows publish_to_core scaler_cast_type seed sort_values test_size title
	use_model_name verbose version weights_file`

func (s *Server) postJob(w http.ResponseWriter, body []byte) {
	request, why := object(body)
	known := strings.Fields(requestKeys)
	for key := range request {
		if !slices.Contains(known, key) {
			why = fmt.Sprintf("unknown key %q", key)
		}
	}
	for _, key := range []string{"label", "ml_type", "predict_feature"} {
		if v, _ := request[key].(string); v == "" && why == "" {
			why = "Missing " + key
		}
	}
	if why == "" && request["predict_rows"] != nil {
		why = checkRows(request)
	}
	if why == "" && request["predict_rows"] == nil && request["dataset"] == nil && request["csv_file"] == nil {
		why = "no dataset and no predict_rows"
	}
	if why != "" {
		text(w, http.StatusBadRequest, why)
		return
	}
	id := len(s.jobs) + 1
	s.Posts = append(s.Posts, request)
	job := map[string]any{
		"id": id, "status": s.Steps[0], "title": request["title"], "desc": request["desc"], "ml_type": request["ml_type"],
		"predict_manifest": map[string]any{"job_id": id, "worker_result_node": "redis://:hushhush@broker:6379/9"}, "created": "2018-02-05 08:57:44",
	}
	result := map[string]any{
		"id": id, "job_id": id, "status": s.Steps[0], "acc_data": map[string]any{"accuracy": -1.0}, "error_data": nil,
		"predictions_json": map[string]any{"predictions": request["predict_rows"]},
	}
	s.jobs, s.results = append(s.jobs, job), append(s.results, result)
	answer(w, http.StatusCreated, map[string]any{"job": job, "results": result})
}

// checkRows says what is wrong with the rows of a request: each must have all
// features and the predicted column, as numbers or as the text of one.
func checkRows(request map[string]any) string {
	rows, ok := request["predict_rows"].([]any)
	features, listed := request["features_to_process"].([]any)
	if !ok || len(rows) == 0 || !listed {
		return "predict_rows is a list of rows, and features_to_process of columns"
	}
	for i, r := range rows {
		row, ok := r.(map[string]any)
		if !ok {
			return fmt.Sprintf("row %d is no object", i)
		}
		for _, f := range append(slices.Clone(features), request["predict_feature"]) {
			if _, ok := row[f.(string)]; !ok {
				return fmt.Sprintf("row %d has no %s", i, f)
			}
		}
	}
	return ""
}

func (s *Server) postPrepare(w http.ResponseWriter, body []byte) {
	request, why := object(body)
	for _, key := range []string{"title", "ds_name", "full_file", "clean_file", "meta_suffix", "output_dir", "ds_dir", "ds_glob_path", "pipeline_files", "post_proc", "label_rules"} {
		if request[key] == nil && why == "" {
			why = "Missing " + key
		}
	}
	if why != "" {
		text(w, http.StatusBadRequest, why)
		return
	}
	record := map[string]any{"id": len(s.prepared) + 1, "status": s.Steps[0], "title": request["title"]}
	s.prepared = append(s.prepared, record)
	answer(w, http.StatusCreated, record)
}

func object(body []byte) (map[string]any, string) {
	var request map[string]any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // so that a test sees -1.0 as it was written
	if err := dec.Decode(&request); err != nil {
		return nil, "JSON parse error - " + err.Error()
	}
	return request, ""
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client sees it
}

func text(w http.ResponseWriter, status int, s string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, s)
}
