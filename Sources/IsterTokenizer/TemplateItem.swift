/// A value while a template runs.
enum TemplateItem {
    /// Says what was missing, for the error when it is used.
    case undefined(String)
    case null
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(TemplateText)
    case list(TemplateList)
    case dictionary(TemplateDictionary)
    case namespace(TemplateNamespace)
    case callable(TemplateCallable)
    case loop(TemplateLoop)
}

final class TemplateList {
    enum Kind {
        case list, tuple, range
        /// A tuple of `groupby`, which has the attributes `grouper` and `list`.
        case group
        case keys, values, items
        /// What `map`, `select` and the like give: always true, without a length.
        case generator
    }

    let items: [TemplateItem]
    let kind: Kind
    let depth: Int

    init(_ items: [TemplateItem], _ kind: Kind, depth: Int) {
        self.items = items
        self.kind = kind
        self.depth = depth
    }

    var isView: Bool { kind == .keys || kind == .values || kind == .items }
}

/// Entries in the order in which their keys came.
final class TemplateDictionary {
    let keys: [TemplateItem]
    let values: [TemplateItem]
    private let places: [TemplateKey: Int]
    let depth: Int

    init(_ keys: [TemplateItem], _ values: [TemplateItem], _ places: [TemplateKey: Int], depth: Int) {
        self.keys = keys
        self.values = values
        self.places = places
        self.depth = depth
    }

    var count: Int { keys.count }

    subscript(key: TemplateKey) -> TemplateItem? { places[key].map { values[$0] } }
    subscript(name: String) -> TemplateItem? { self[.text(name.unicodeScalars.map { $0.value })] }
}

/// What makes two keys of a dictionary the same: 1, 1.0 and True are.
enum TemplateKey: Hashable {
    case null
    case integer(Int)
    case float(Double)
    case text([UInt32])
    case tuple([TemplateKey])
}

/// The one value that a template can change: `namespace()`.
final class TemplateNamespace {
    var names: [String] = []
    var values: [String: TemplateItem] = [:]

    func set(_ name: String, _ value: TemplateItem) {
        if values.updateValue(value, forKey: name) == nil { names.append(name) }
    }
}

final class TemplateCallable {
    enum Kind {
        case global(String)
        case method(TemplateItem, String)
        case macro(TemplateMacro, TemplateScope)
        case joiner(TemplateText, TemplateNamespace)
        case loopMethod(TemplateLoop, String)
    }

    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }
}

/// Variables of one block, and of those around it.
final class TemplateScope {
    var variables: [String: TemplateItem] = [:]
    let parent: TemplateScope?

    init(parent: TemplateScope?) { self.parent = parent }

    func find(_ name: String) -> TemplateItem? {
        var scope: TemplateScope? = self
        while let current = scope {
            if let value = current.variables[name] { return value }
            scope = current.parent
        }
        return nil
    }
}

/// State of one running `for`. Items that the loop's condition refuses are never in `items`.
final class TemplateLoop {
    /// Items that the condition let through, as far as they were looked at.
    var items: [TemplateItem] = []
    /// Items not looked at yet begin here.
    var nextSource = 0
    var source: [TemplateItem]
    var index = -1
    var changedValues: [TemplateItem]?
    /// The loop's condition, what it names an item, and the variables around it.
    var filter: (test: TemplateExpression, target: TemplateTarget, scope: TemplateScope)?

    init(source: [TemplateItem]) { self.source = source }
}

/// Arguments of a call.
struct TemplateCall {
    var values: [TemplateItem] = []
    var named: [(name: String, value: TemplateItem)] = []

    func named(_ name: String) -> TemplateItem? { named.first { $0.name == name }?.value }

    /// The argument at a position, or with that name.
    func argument(_ index: Int, _ name: String) -> TemplateItem? {
        index < values.count ? values[index] : named(name)
    }
}

extension TemplateItem {
    /// Type's name in messages.
    var typeName: String {
        switch self {
        case .undefined: "undefined"
        case .null: "None"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .text: "str"
        case .list(let list):
            list.kind == .tuple || list.kind == .group ? "tuple" : list.kind == .list ? "list" : "iterator"
        case .dictionary: "dict"
        case .namespace: "namespace"
        case .callable: "function"
        case .loop: "loop"
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .null: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .text(let text): text.count > 0
        case .list(let list): list.kind == .generator || !list.items.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .namespace, .callable, .loop: true
        }
    }

    var isUndefined: Bool {
        if case .undefined = self { return true }
        return false
    }

    /// Integers, and the booleans that Python counts among them.
    var integer: Int? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    var number: Double? {
        if case .float(let value) = self { return value }
        return integer.map { Double($0) }
    }

    static func trusted(_ text: String) -> TemplateItem { .text(TemplateText(text, isTrusted: true)) }

    init(_ literal: TemplateLiteral) {
        switch literal {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .float(let value): self = .float(value)
        case .text(let text): self = .text(text)
        }
    }
}
