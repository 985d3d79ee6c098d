// swift-tools-version: 6.2
import PackageDescription

// Tiers, arrows only downward: programs -> roles -> shells -> cores -> C shims.
// docs/architecture.md draws them; bin/tidy checks them.

// MARK: - One set of settings for every target

extension [SwiftSetting] {
    static let strict: [SwiftSetting] = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableExperimentalFeature("Lifetimes"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
    ]
}

extension [Target.Dependency] {
    static let shell: [Target.Dependency] = [
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
    ]
    static let role: [Target.Dependency] =
        shell + [.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")]
}

extension Target {
    static func core(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .target(name: name, dependencies: dependencies, swiftSettings: .strict)
    }

    static func shell(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .target(name: name, dependencies: dependencies + .shell, swiftSettings: .strict)
    }

    static func role(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .target(name: name, dependencies: dependencies + .role, swiftSettings: .strict)
    }

    static func test(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
        .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: .strict)
    }
}

// MARK: - Programs

let programs: [Target] = [
    .executableTarget(
        name: "murmur",
        dependencies: [
            "RouterRole", "AggregatorRole", "CoordinatorRole", "WebApp", "HTTPSurface", "NodeAgent", "LoadGenerator",
            "Settings", "IngestFormats", "IngestRouting", "Placement", "QueryEngine", "QueryLanguage", "QueryRouting",
            "WireProtocol", "SeriesEngine",
            "MetricModel", "ByteCoding", "Yams", "EngineStorage", "CheckpointSQLite", "CheckpointPostgres",
            "ClusterTransport", "CheckpointPlan", "ClusterView", "GossipTransport", "Membership", "SlotMovement",
            .product(name: "Logging", package: "swift-log"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ],
        swiftSettings: .strict
    ),
    .executableTarget(
        name: "membership-table", dependencies: ["SimulationKit", "Membership"], path: "Benchmarks/MembershipTable",
        swiftSettings: .strict),
    .executableTarget(
        name: "slot-keeping", dependencies: ["SlotMovement", "Placement"], path: "Benchmarks/SlotKeeping",
        swiftSettings: .strict),
    .executableTarget(
        name: "live-audience",
        dependencies: [
            .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        ],
        path: "Benchmarks/LiveAudience", swiftSettings: .strict),
    .executableTarget(name: "simulate", dependencies: ["SimulationKit"], swiftSettings: .strict),
]

// MARK: - Roles

let roles: [Target] = [
    .role(
        "RouterRole",
        [
            "IngestFormats", "IngestRouting", "SlotMovement", "Placement", "WireProtocol", "MetricModel", "ByteCoding",
            "ClusterTransport", "HTTPSurface",
        ]),
    .role(
        "AggregatorRole",
        [
            "SeriesEngine", "EngineStorage", "CheckpointPlan", "WireProtocol", "SlotMovement", "MetricModel",
            "ClusterTransport", "Placement",
            "HTTPSurface", "QueryEngine", "QueryLanguage",
        ]),
    .role(
        "CoordinatorRole",
        [
            "QueryLanguage", "QueryEngine", "QueryRouting", "SlotMovement", "Placement", "WireProtocol", "MetricModel",
            "ClusterTransport", "HTTPSurface",
        ]),
    .role("WebApp", ["HTTPSurface"]),
]

// MARK: - Shells

let shells: [Target] = [
    .target(
        name: "ClusterTransport",
        dependencies: [
            "WireProtocol", "SlotMovement", "MetricModel", "ByteCoding",
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "Logging", package: "swift-log"),
        ],
        swiftSettings: .strict
    ),
    .shell(
        "ClusterView",
        [
            "GossipTransport", "ClusterTransport", "HTTPSurface", "Membership", "SlotMovement", "Placement",
            "WireProtocol", "ByteCoding",
            "MetricModel", .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        ]),
    .shell("GossipTransport", ["Membership", "ClusterTransport", "ByteCoding", "CLibCrypto"]),
    .target(
        name: "HTTPSurface",
        dependencies: [
            "IngestFormats", "QueryLanguage", "MetricModel", "ByteCoding", "CZlib",
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOWebSocket", package: "swift-nio"),
            .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        ],
        swiftSettings: .strict
    ),
    .target(
        name: "EngineStorage",
        dependencies: [
            "SeriesEngine", "SlotMovement", "CheckpointPlan", "MetricModel", "ByteCoding",
            .product(name: "Logging", package: "swift-log"),
        ],
        swiftSettings: .strict
    ),
    .target(
        name: "CheckpointSQLite", dependencies: ["CheckpointPlan", "ByteCoding", "CSQLite"], swiftSettings: .strict),
    .target(
        name: "CheckpointPostgres", dependencies: ["CheckpointPlan", "ByteCoding", "CLibPQ"], swiftSettings: .strict),
    .shell("NodeAgent", ["IngestFormats", "MetricModel", "ByteCoding", "HTTPSurface"]),
    .shell("LoadGenerator", ["IngestFormats", "MetricModel", "ByteCoding", "SeededRandom", "HTTPSurface"]),
]

// MARK: - Cores

let cores: [Target] = [
    .core("IngestFormats", ["MetricModel", "ByteCoding", "CSnappy"]),
    .core(
        "IngestRouting", ["IngestFormats", "WireProtocol", "SlotMovement", "Placement", "MetricModel", "ByteCoding"]),
    .core("QueryLanguage", ["MetricModel"]),
    .core(
        "QueryEngine",
        ["QueryLanguage", "MetricModel", "ByteCoding", .product(name: "RealModule", package: "swift-numerics")]),
    .core("QueryRouting", ["SlotMovement", "Placement", "MetricModel"]),
    .core("SeriesEngine", ["ChunkCoding", "MetricModel", "ByteCoding"]),
    .core("CheckpointPlan", ["ByteCoding"]),
    .core("Settings", ["MetricModel"]),
    .core("Placement", ["MetricModel", "ByteCoding"]),
    .target(
        name: "WireProtocol", dependencies: ["SlotMovement", "MetricModel", "ByteCoding"], exclude: ["control.proto"],
        swiftSettings: .strict),
    .core("ChunkCoding", ["MetricModel", "ByteCoding"]),
    .core(
        "SimulationKit", ["Membership", "SlotMovement", "Placement", "MetricModel", "ByteCoding", "SeededRandom"]),
    .core("SlotMovement", ["Placement", "ByteCoding"]),
    .core("Membership", ["ByteCoding", "SeededRandom", .product(name: "RealModule", package: "swift-numerics")]),
    .core("SeededRandom", []),
    .core("MetricModel", ["ByteCoding", "CRE2", .product(name: "RealModule", package: "swift-numerics")]),
    .core("ByteCoding", ["CIntrinsics", "CXXHash"]),
]

// MARK: - C shims

let shims: [Target] = [
    .target(name: "CIntrinsics", path: "Sources/Shims/CIntrinsics", cSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "CXXHash", path: "Sources/Shims/CXXHash", cSettings: [.treatAllWarnings(as: .error)]),
    .target(
        name: "CRE2", path: "Sources/Shims/CRE2", cxxSettings: [.treatAllWarnings(as: .error)],
        linkerSettings: [.linkedLibrary("re2")]),
    .systemLibrary(name: "CSnappy", path: "Sources/Shims/CSnappy", providers: [.apt(["libsnappy-dev"])]),
    .systemLibrary(name: "CZlib", path: "Sources/Shims/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
        name: "CSQLite", path: "Sources/Shims/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
        name: "CLibCrypto", path: "Sources/Shims/CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLibPQ", path: "Sources/Shims/CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
]

// MARK: - Tests

let tests: [Target] = [
    .test("ByteCodingTests", ["ByteCoding"]),
    .test("MetricModelTests", ["MetricModel", "ByteCoding"]),
    .test("ChunkCodingTests", ["ChunkCoding", "ByteCoding", "SeededRandom"]),
    .test("PlacementTests", ["Placement", "MetricModel", "ByteCoding", "SeededRandom"]),
    .test("MembershipTests", ["Membership", "SimulationKit", "ByteCoding", "SeededRandom"]),
    .test(
        "GossipTransportTests",
        ["GossipTransport", "ClusterTransport", "Membership", "WireProtocol", "MetricModel", "ByteCoding"] + .shell),
    .test(
        "ClusterViewTests",
        [
            "ClusterView", "ClusterTransport", "GossipTransport", "Membership", "HTTPSurface", "SlotMovement",
            "Placement",
        ] + .shell),
    .test("SimulationKitTests", ["SimulationKit", "SlotMovement", "SeededRandom"]),
    .test("SlotMovementTests", ["SlotMovement", "ByteCoding", "SeededRandom"]),
    .test("WireProtocolTests", ["WireProtocol", "SlotMovement", "MetricModel", "ByteCoding", "SeededRandom"]),
    .test("IngestFormatsTests", ["IngestFormats", "MetricModel", "ByteCoding", "SeededRandom"]),
    .test(
        "IngestRoutingTests",
        [
            "IngestRouting", "IngestFormats", "WireProtocol", "SlotMovement", "Placement", "MetricModel", "ByteCoding",
            "SeededRandom",
        ]),
    .test("QueryLanguageTests", ["QueryLanguage", "MetricModel", "SeededRandom"]),
    .test(
        "QueryEngineTests", ["QueryEngine", "QueryLanguage", "MetricModel", "Placement", "SeededRandom"],
        exclude: ["Fixtures"]),
    .test("QueryRoutingTests", ["QueryRouting", "SlotMovement", "Placement", "MetricModel", "SeededRandom"]),
    .test("SeriesEngineTests", ["SeriesEngine", "ChunkCoding", "MetricModel", "ByteCoding", "SeededRandom"]),
    .test(
        "EngineStorageTests",
        [
            "EngineStorage", "SeriesEngine", "SlotMovement", "CheckpointPlan", "MetricModel", "ByteCoding",
            "SeededRandom",
        ]),
    .test(
        "CheckpointTests",
        [
            "CheckpointPlan", "CheckpointSQLite", "CheckpointPostgres", "EngineStorage", "SeriesEngine", "SlotMovement",
            "MetricModel", "ByteCoding", "SeededRandom",
        ]),
    .test(
        "ClusterTransportTests",
        ["ClusterTransport", "WireProtocol", "SlotMovement", "MetricModel", "ByteCoding"] + .shell),
    .test("SettingsTests", ["Settings", "MetricModel"]),
    .test(
        "HTTPSurfaceTests",
        [
            "HTTPSurface", "IngestFormats", "QueryLanguage", "MetricModel", "ByteCoding", "SeededRandom",
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOWebSocket", package: "swift-nio"),
            .product(name: "Logging", package: "swift-log"),
        ]),
    .test("AggregatorRoleTests", ["AggregatorRole", "MetricModel"]),
    .test("NodeAgentTests", ["NodeAgent", "IngestFormats", "MetricModel", "ByteCoding"]),
    .test("LoadGeneratorTests", ["LoadGenerator", "IngestFormats", "MetricModel", "ByteCoding"]),
]

let package = Package(
    name: "murmuration",
    products: [
        .executable(name: "murmur", targets: ["murmur"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-numerics", exact: "1.1.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: programs + roles + shells + cores + shims + tests,
    cxxLanguageStandard: .cxx17
)
