// SPDX-License-Identifier: Apache-2.0

// The Admin API from Go: a user, a join key for his machines, and the events that tell of them.
//
// usage: client HOST:PORT TOKEN_FILE CA_FILE USER KEY_FILE
//
// KEY_FILE is made, for the join key. CA_FILE is ca.crt of the server's state directory, or a copy: the token says whether it is the right one. Wants
// google.golang.org/grpc and the code that protoc-gen-go and protoc-gen-go-grpc make of proto/ (tests/identity/api.sh).
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	v1 "kernmesh/meshv1"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// The token in every call, and only over TLS.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}
func (bearer) RequireTransportSecurity() bool { return true }

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The certificate in the file, which the token must name by its SHA-256.
func readAuthority(path, token string) *x509.CertPool {
	text, err := os.ReadFile(path)
	must(err)
	block, _ := pem.Decode(text)
	if block == nil {
		log.Fatalf("%s holds no certificate", path)
	}
	secret, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "ma-"))
	must(err)
	fingerprint := sha256.Sum256(block.Bytes)
	if len(secret) != 64 || !bytes.Equal(fingerprint[:], secret[:32]) {
		log.Fatalf("%s is not the authority of this token's server", path)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

func connect(server, token string, authority *x509.CertPool) *grpc.ClientConn {
	// The network's own authority signs for one server under one name, wherever it runs.
	transport := credentials.NewTLS(&tls.Config{RootCAs: authority, ServerName: "kernmesh"})
	connection, err := grpc.Dial(server, grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(bearer(token)))
	must(err)
	return connection
}

func requestID() string {
	random := make([]byte, 16)
	_, err := rand.Read(random)
	must(err)
	return fmt.Sprintf("%x", random)
}

func isListed(ctx context.Context, admin v1.AdminClient, name string) string {
	request := &v1.ListUsersRequest{PageSize: 2}
	for {
		page, err := admin.ListUsers(ctx, request)
		must(err)
		for _, user := range page.Users {
			if user.Name == name {
				return "yes"
			}
		}
		if page.NextPageToken == "" {
			return "no"
		}
		request.PageToken = page.NextPageToken
	}
}

// The events after that one, up to the first that is a new key.
func eventsAfter(ctx context.Context, admin v1.AdminClient, after uint64) []string {
	stream, err := admin.WatchEvents(ctx, &v1.WatchEventsRequest{AfterId: &after})
	must(err)
	var seen []string
	for {
		event, err := stream.Recv()
		must(err)
		seen = append(seen, event.Action+" "+event.Subject)
		if event.Action == "key.create" {
			return seen
		}
	}
}

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: client HOST:PORT TOKEN_FILE CA_FILE USER KEY_FILE")
	}
	server, name := os.Args[1], os.Args[4]
	text, err := os.ReadFile(os.Args[2])
	must(err)
	token := strings.TrimSpace(string(text))
	connection := connect(server, token, readAuthority(os.Args[3], token))
	defer connection.Close()
	admin := v1.NewAdminClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	caller, err := admin.GetCaller(ctx, &v1.GetCallerRequest{})
	must(err)
	fmt.Printf("caller: %s, role %s\n", caller.Name, caller.Role)

	// The newest event of before: the watch goes on behind it.
	newest, err := admin.ListAuditEvents(ctx, &v1.ListAuditEventsRequest{PageSize: 1})
	must(err)

	// With an id the request can be sent again when its answer is lost, and makes nothing twice.
	userRequest := &v1.CreateUserRequest{Name: name, RequestId: requestID()}
	user, err := admin.CreateUser(ctx, userRequest)
	must(err)
	again, err := admin.CreateUser(ctx, userRequest)
	must(err)
	keyRequest := &v1.CreateJoinKeyRequest{UserName: name, LifetimeSeconds: 3600, RequestId: requestID()}
	key, err := admin.CreateJoinKey(ctx, keyRequest)
	must(err)
	sameKey, err := admin.CreateJoinKey(ctx, keyRequest)
	must(err)
	// The server keeps a hash of it alone.
	must(os.WriteFile(os.Args[5], []byte(key.Secret+"\n"), 0o600))
	made := "no key"
	if strings.HasPrefix(key.Secret, "mk-") && key.Secret == sameKey.Secret && user.Id == again.Id {
		made = "key made"
	}
	fmt.Printf("user: %s, %s\n", user.Name, made)

	fmt.Printf("events: %s\n", strings.Join(eventsAfter(ctx, admin, newest.Events[0].Id), "; "))

	_, err = admin.GetNode(ctx, &v1.GetNodeRequest{Node: "no-such-node"})
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			fmt.Printf("error: %s, %s %s of %s\n", status.Code(err), info.Domain, info.Reason, info.Metadata["method"])
		}
	}
	_, err = admin.CreateUser(ctx, &v1.CreateUserRequest{Name: "two words"})
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			fmt.Printf("error: %s, field %s\n", status.Code(err), bad.FieldViolations[0].Field)
		}
	}
	fmt.Printf("listed: %s\n", isListed(ctx, admin, name))
}
