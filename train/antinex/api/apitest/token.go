package apitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// logIn answers with an HS256 token (RFC 7519) as django-rest-framework-jwt makes it.
func (s *Server) logIn(w http.ResponseWriter, body []byte) {
	request, why := object(body)
	switch {
	case why != "":
		text(w, http.StatusBadRequest, why)
	case len(request) != 2 || request["username"] != User || request["password"] != Password:
		answer(w, http.StatusBadRequest, map[string]any{"non_field_errors": []string{"Unable to log in with provided credentials."}})
	default:
		s.Logins++
		claims, _ := json.Marshal(map[string]any{ // of these types it has no error
			"user_id": 1, "username": User, "email": "notreal@test.com", "exp": s.now().Add(s.Lifetime).Unix(),
		})
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
		answer(w, http.StatusOK, map[string]string{"token": head + "." + sign(head)})
	}
}

func sign(head string) string {
	mac := hmac.New(sha256.New, []byte("the server's own key"))
	mac.Write([]byte(head))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// checkToken says what is wrong with a header.
func (s *Server) checkToken(header string) string {
	token, ok := strings.CutPrefix(header, "JWT ")
	if !ok {
		return "Authentication credentials were not provided."
	}
	end := strings.LastIndexByte(token, '.')
	if end < 0 || sign(token[:end]) != token[end+1:] {
		return "Error decoding signature."
	}
	_, payload, _ := strings.Cut(token[:end], ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Exp int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return "Error decoding signature."
	}
	if s.now().Unix() >= claims.Exp {
		return "Signature has expired."
	}
	return ""
}
