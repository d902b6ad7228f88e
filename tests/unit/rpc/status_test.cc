// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/status.h"

#include <gtest/gtest.h>

#include "controller/rpc/field_violation.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace kernmesh::rpc {
namespace {

const MethodAccess& for_people() { return access_of("/mesh.v1.Admin/GetNode"); }
const MethodAccess& for_nodes() { return access_of("/mesh.v1.Coordination/Report"); }

TEST(StatusDetails, every_class_comes_back_from_either_form) {
  for (const auto code :
       {ErrorCode::kInvalid, ErrorCode::kNotFound, ErrorCode::kAlreadyExists,
        ErrorCode::kPermissionDenied, ErrorCode::kUnauthenticated, ErrorCode::kExpired,
        ErrorCode::kConflict, ErrorCode::kExhausted, ErrorCode::kUnavailable,
        ErrorCode::kUnsupported, ErrorCode::kCorrupt, ErrorCode::kSystem}) {
    for (const auto* method : {&for_people(), &for_nodes()}) {
      const auto back = from_grpc(to_grpc(Error(code, "why"), *method));
      EXPECT_EQ(back.code(), code);
      EXPECT_NE(back.message().find("why"), std::string::npos);
    }
  }
}

TEST(StatusDetails, people_get_the_standard_form_and_nodes_the_short_one) {
  const Error error(ErrorCode::kExpired, "the key has expired");
  EXPECT_EQ(to_grpc(error, for_nodes()).error_details(), "expired");
  google::rpc::Status status;
  ASSERT_TRUE(status.ParseFromString(to_grpc(error, for_people()).error_details()));
  EXPECT_EQ(status.code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.message(), "the key has expired");
  google::rpc::ErrorInfo info;
  ASSERT_EQ(status.details_size(), 1);
  ASSERT_TRUE(status.details(0).UnpackTo(&info));
  EXPECT_EQ(status.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_EQ(info.reason(), "EXPIRED");
  EXPECT_EQ(info.domain(), "kernmesh");
  ASSERT_EQ(info.metadata_size(), 1);
  EXPECT_EQ(info.metadata(0).key(), "method");
  EXPECT_EQ(info.metadata(0).value(), "/mesh.v1.Admin/GetNode");
}

const MethodAccess& for_events() { return access_of("/mesh.v1.Admin/WatchEvents"); }

std::optional<google::rpc::BadRequest::FieldViolation> violation_of(const grpc::Status& told) {
  google::rpc::Status status;
  google::rpc::BadRequest bad;
  if (!status.ParseFromString(told.error_details()) || status.details_size() != 2 ||
      !status.details(1).UnpackTo(&bad) || bad.field_violations_size() != 1) {
    return std::nullopt;
  }
  return bad.field_violations(0);
}

TEST(StatusDetails, field_is_told_apart_from_the_message) {
  const Error invalid(ErrorCode::kInvalid, "no such thing");
  const auto status = to_grpc(in_field("filter.since", invalid), for_events());
  EXPECT_EQ(status.error_message(), "no such thing");
  const auto violation = violation_of(status);
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->field(), "filter.since");
  EXPECT_EQ(violation->description(), "no such thing");
  EXPECT_EQ(from_grpc(status).code(), ErrorCode::kInvalid);
  EXPECT_LT(
      to_grpc(in_field("node", Error(ErrorCode::kInvalid, std::string(9000, 'x'))), for_people())
          .error_details()
          .size(),
      2048U);
}

TEST(StatusDetails, what_is_no_field_of_the_request_stays_in_the_message) {
  for (const auto& [field, method] :
       {std::pair("filter.none", &for_events()), std::pair("since", &for_events()),
        std::pair("3:7", &for_people()), std::pair("", &for_people()),
        std::pair("node.name", &for_people()), std::pair("filter.since", &for_people())}) {
    const auto status =
        to_grpc(in_field(field, Error(ErrorCode::kInvalid, "no such thing")), *method);
    EXPECT_FALSE(violation_of(status)) << field;
    EXPECT_EQ(status.error_message(), std::string(field) + ": no such thing");
  }
  const auto conflict = in_field("node", Error(ErrorCode::kConflict, "in use"));
  EXPECT_EQ(to_grpc(conflict, for_people()).error_message(), "in use");
}

TEST(StatusDetails, a_long_message_is_cut_between_characters) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "\xc3\xa4";
  const auto status = to_grpc(Error(ErrorCode::kInvalid, "x" + text), for_people());
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.message().size(), 1023u);
  EXPECT_LE(status.error_message().size(), 4096u);
}

TEST(StatusDetails, details_of_somebody_else_are_no_class) {
  for (const std::string& details :
       {std::string("\xff\xff"), std::string("nonsense"), std::string(4096, '\n')}) {
    EXPECT_EQ(from_grpc({grpc::StatusCode::FAILED_PRECONDITION, "why", details}).code(),
              ErrorCode::kConflict);
  }
}

}  // namespace
}  // namespace kernmesh::rpc
